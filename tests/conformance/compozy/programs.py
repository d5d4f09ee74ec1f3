"""The published snippets as programs of their own, each a process; only the address, key and ids are put in."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.conformance import processes
from tests.conformance.processes import SECONDS

CURL = """
curl -sS -X POST http://localhost:8080/api/v0/executions/workflows/{exec_id}/signals \\
-H "Authorization: Bearer YOUR_API_KEY" \\
-H "Content-Type: application/json" \\
-d '{
"signal_name": "approval-decision",
"payload": {"status": "approved"}
}'
"""

AXIOS = """
const axios = require('axios');
class ApprovalIntegration {
constructor(compozyUrl, apiKey) {
this.client = axios.create({
baseURL: compozyUrl,
headers: {
'Authorization': `Bearer ${apiKey}`,
'Content-Type': 'application/json'
}
});
}
async sendApprovalDecision(workflowExecId, decision) {
try {
const response = await this.client.post(
`/api/v0/executions/workflows/${workflowExecId}/signals`,
{
signal_name: 'approval-decision',
payload: {
decision: decision,
approved_by: 'external-system',
timestamp: new Date().toISOString()
}
}
);
return response.data;
} catch (error) {
console.error('Failed to send approval signal:', error);
throw error;
}
}
}
// Usage
(async () => {
const approval = new ApprovalIntegration('http://localhost:8080', 'YOUR_API_KEY');
console.log(JSON.stringify(await approval.sendApprovalDecision('{exec_id}', 'approved')));
})().catch((error) => { console.log(error.response.status, JSON.stringify(error.response.data)); });
"""

EXPRESS = """
const axios = require('axios');
// Express.js webhook handler for payment gateway
const express = require('express');
const app = express();
app.use(express.json());
app.post('/webhooks/payment', async (req, res) => {
const { event_type, transaction_id, workflow_exec_id, amount, status } = req.body;
try {
// Send payment status to waiting workflow
if (workflow_exec_id) {
await axios.post(
`http://localhost:8080/api/v0/executions/workflows/${workflow_exec_id}/signals`,
{
signal_name: 'payment-status',
payload: {
transaction_id,
status,
amount,
event_type,
processed_at: new Date().toISOString()
}
},
{
headers: {
'Authorization': 'Bearer YOUR_API_KEY',
'Content-Type': 'application/json'
}
}
);
}
res.json({ success: true });
} catch (error) {
console.error('Failed to process payment webhook:', error);
res.status(500).json({ error: 'Processing failed' });
}
});
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""

REQUESTS = """
import requests

class CompozyClient:
    def __init__(self, base_url, api_key):
        self.base_url = base_url
        self.session = requests.Session()
        self.session.headers.update({"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"})

    def send_signal(self, exec_id, signal_name, payload):
        url = f"{self.base_url}/api/v0/executions/workflows/{exec_id}/signals"
        response = self.session.post(url, json={"signal_name": signal_name, "payload": payload})
        response.raise_for_status()
        return response.json()

    def send_event(self, name, payload):
        response = self.session.post(f"{self.base_url}/api/v0/events", json={"name": name, "payload": payload})
        response.raise_for_status()
        return response.json()

client = CompozyClient("http://localhost:8080", "YOUR_API_KEY")
print(client.send_signal("{exec_id}", "approval-decision", {"status": "approved"})["data"]["message"])
print(client.send_event("workflow.trigger", {"user_id": "123", "request_type": "approval"})["data"]["message"])
"""

HTTPX = """
import asyncio
import httpx

async def main():
    headers = {"Authorization": "Bearer YOUR_API_KEY"}
    async with httpx.AsyncClient(base_url="http://localhost:8080", headers=headers) as client:
        response = await client.post(
            "/api/v0/executions/workflows/{exec_id}/signals",
            json={"signal_name": "approval-decision", "payload": {"status": "approved"}},
        )
        response.raise_for_status()
        print(response.json()["data"]["message"])
        response = await client.post("/api/v0/events", json={"name": "workflow.trigger", "payload": {"user_id": "123"}})
        response.raise_for_status()
        print(response.json()["data"]["message"])

asyncio.run(main())
"""


def filled(text: str, address: str, key: str, exec_id: str = "") -> str:
    """A snippet with what its readers are told to put in."""
    return text.replace("http://localhost:8080", address).replace("YOUR_API_KEY", key).replace("{exec_id}", exec_id)


def modules(folder: Path) -> Path:
    """A folder in which Node finds what the snippets need, out of the package registry that npm is set up for."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no `node` and `npm` on PATH")
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "axios@1", "express@4"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip("npm could not fetch axios and express")
    return folder


def begun(command: list[str], folder: Path) -> AbstractAsyncContextManager[Process]:
    """A program, until the block ends."""
    return processes.begun(command, folder, {"HOME": str(folder)})


async def output(command: list[str], folder: Path) -> str:
    """What a program prints; it has to succeed."""
    async with begun(command, folder) as process:
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
        assert process.returncode == 0, err.decode()
        return out.decode()


async def shell(text: str, folder: Path) -> str:
    return await output(["sh", "-c", text], folder)


async def node(text: str, folder: Path) -> str:
    (folder / "program.js").write_text(text, encoding="utf-8")
    return await output(["node", "program.js"], folder)


async def python(text: str, folder: Path) -> str:
    return await output([sys.executable, "-c", text], folder)
