"""What `/openapi.json` says of the operations."""

from __future__ import annotations

import json

from tests.conformance.justworkflowit.vendor import Vendor

OPERATIONS = {
    "RegisterWorkflow", "ListWorkflows", "GetWorkflow", "RegisterWorkflowVersion", "ValidateWorkflowVersion",
    "ListWorkflowVersions", "GetWorkflowVersion", "SetWorkflowVersionTag", "GetTaggedWorkflowVersion", "SubmitJob",
    "ListJobs", "GetJob", "GetWorkflowState", "GetWorkflowStateMetadata", "SendJobEvent", "CancelJob", "ResumeJob",
    "CreateApiAuthToken", "CreateApiToken",
}  # fmt: skip


async def test_every_operation_is_described_with_its_path_body_and_permission(vendor: Vendor) -> None:
    description = (await vendor.http.get("/openapi.json")).json()
    operations = [
        operation
        for path, methods in description["paths"].items()
        if path.startswith("/organizations/")
        for operation in methods.values()
    ]
    assert sorted(operation["operationId"] for operation in operations) == sorted(OPERATIONS)
    for operation in operations:
        assert ":" in operation["x-permission"]
        assert operation["description"]
        assert operation["parameters"][0]["name"] == "organizationId"
    assert "$defs" not in json.dumps(description["paths"])
    listing = next(operation for operation in operations if operation["operationId"] == "ListJobs")
    assert {one["name"] for one in listing["parameters"] if one["in"] == "query"} == {
        "createdAfter", "createdBefore", "jobHierarchy", "pageSize", "pageToken", "status", "workflowName",
        "workflowVersionNumber",
    }  # fmt: skip
    assert "requestBody" not in listing
    submit = next(operation for operation in operations if operation["operationId"] == "SubmitJob")
    schema = submit["requestBody"]["content"]["application/json"]["schema"]
    assert "tag" in schema["properties"]["workflowVersion"]["properties"]
