"""ListJobs: order, pages and filters."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conformance.justworkflowit.samples import DONE, GATE, step, wait, workflow
from tests.conformance.justworkflowit.vendor import Json, Vendor, refused
from tests.running import eventually


async def listed(vendor: Vendor, **query: Any) -> Json:
    return await vendor.ok("GET", "/jobs", params=query)


async def counted(vendor: Vendor, count: int, **query: Any) -> Json:
    """The answer once it counts so many jobs: a list may be a moment behind."""
    return await eventually(lambda: listed(vendor, **query), lambda answer: answer["totalCount"] == count)


async def names(vendor: Vendor, count: int, **query: Any) -> list[str]:
    return sorted(job["workflowName"] for job in (await counted(vendor, count, **query))["jobs"])


async def test_sixty_jobs_come_in_pages_newest_first(vendor: Vendor) -> None:
    workflow_id = await vendor.publish(GATE)
    made = [await asyncio.gather(*(vendor.submit(workflow_id) for _ in range(20))) for _ in range(3)]
    first = await counted(vendor, 60)
    assert len(first["jobs"]) == 25
    pages, answer = [first], first
    while "nextPageToken" in answer:
        answer = await listed(vendor, pageToken=answer["nextPageToken"])
        assert answer["totalCount"] == 60
        pages.append(answer)
    assert [len(page["jobs"]) for page in pages] == [25, 25, 10]
    jobs = [job for page in pages for job in page["jobs"]]
    assert {job["jobId"] for job in jobs} == {job_id for batch in made for job_id in batch}
    assert {job["jobId"] for job in jobs[:20]} == set(made[2])
    assert {job["jobId"] for job in jobs[40:]} == set(made[0])
    big = await listed(vendor, pageSize=100)
    assert (len(big["jobs"]), "nextPageToken" in big) == (60, False)
    assert [job["jobId"] for job in big["jobs"]] == [job["jobId"] for job in jobs]


async def test_a_summary_is_the_one_of_get_job(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(DONE))
    await vendor.ended(job_id)
    answer = await eventually(lambda: listed(vendor), lambda answer: "finishedAt" in (answer["jobs"] or [{}])[0])
    assert answer == {"jobs": [await vendor.job(job_id)], "totalCount": 1}


async def test_the_filters(vendor: Vendor) -> None:
    approval = await vendor.publish(GATE, "Deploy Approval")
    done = await vendor.publish(DONE, "nightly")
    second = await vendor.add_version(approval, workflow(wait("gate", "other")))
    waiting = await vendor.submit(approval)
    body = {"workflowId": approval, "workflowVersion": {"versionNumber": second["versionNumber"]}}
    cancelled = (await vendor.ok("POST", "/jobs", body))["jobId"]
    await vendor.parked(waiting)
    await vendor.ok("POST", f"/jobs/{cancelled}/cancel")
    succeeded = await vendor.submit(done)
    await vendor.ended(succeeded)

    async def found(count: int, **query: Any) -> list[str]:
        return [job["jobId"] for job in (await counted(vendor, count, **query))["jobs"]]

    assert await found(3) == [succeeded, cancelled, waiting]
    for status, expected in (("RUNNING", waiting), ("CANCELLED", cancelled), ("SUCCEEDED", succeeded)):
        answer = await eventually(lambda status=status: listed(vendor, status=status), lambda a: a["totalCount"] == 1)  # type: ignore[misc]
        assert [(job["jobId"], job["status"]) for job in answer["jobs"]] == [(expected, status)]
    assert await found(0, status="FAILED") == []
    assert await found(0, status="PENDING") == []
    assert await found(2, workflowName="aPPRO") == [cancelled, waiting]
    assert await found(0, workflowName="nothing like it") == []
    assert await found(1, workflowName="deploy", workflowVersionNumber=2) == [cancelled]
    assert await found(2, workflowVersionNumber=1) == [succeeded, waiting]
    assert await found(0, workflowVersionNumber=9) == []


async def test_the_bounds_of_time_are_inclusive(vendor: Vendor) -> None:
    workflow_id = await vendor.publish(GATE)
    made = [await vendor.submit(workflow_id) for _ in range(3)]
    jobs = (await counted(vendor, 3))["jobs"]
    assert [job["jobId"] for job in jobs] == made[::-1]
    middle = jobs[1]["createdAt"]

    async def found(**query: Any) -> list[str]:
        return [job["jobId"] for job in (await listed(vendor, **query))["jobs"]]

    assert await found(createdAfter=middle) == [made[2], made[1]]
    assert await found(createdBefore=middle) == [made[1], made[0]]
    assert await found(createdAfter=middle, createdBefore=middle) == [made[1]]
    assert await found(createdAfter=middle.replace("Z", "+00:00")) == [made[2], made[1]]
    assert await found(createdAfter="2020-01-01T00:00:00-05:00", createdBefore="2020-01-02T00:00:00Z") == []
    assert await found(createdAfter="0001-01-01T00:00:00Z", createdBefore="9999-12-31T23:59:59.999Z") == made[::-1]
    assert await found(createdAfter="9999-12-31T23:59:59.999Z") == []
    assert await found(createdBefore="0001-01-01T00:00:00Z") == []


async def test_the_hierarchy(vendor: Vendor) -> None:
    await vendor.publish(GATE, "child")
    children = [{"id": "a", "workflowName": "child", "workflowVersion": {"tag": "$LIVE"}}]
    await vendor.submit(
        await vendor.publish(workflow(step("spawn", "runChildJob", None, {"children": children})), "parent")
    )
    assert await names(vendor, 2, jobHierarchy="ALL") == ["child", "parent"]
    assert await names(vendor, 1, jobHierarchy="TOP_LEVEL_ONLY") == ["parent"]
    assert await names(vendor, 1, jobHierarchy="CHILD_JOBS_ONLY") == ["child"]


@pytest.mark.parametrize(
    "query",
    [{"status": "running"}, {"pageSize": 0}, {"pageSize": 101}, {"createdAfter": "yesterday"}, {"jobHierarchy": "X"},
     {"workflowVersionNumber": "one"}],
)  # fmt: skip
async def test_a_bad_filter_is_refused(vendor: Vendor, query: Json) -> None:
    body = refused(await vendor.send("GET", "/jobs", params=query), 400, "ValidationError")
    assert list(body["fields"]) == list(query)


@pytest.mark.parametrize("token", ["nonsense", "AAAA", "%%%"])
async def test_a_bad_page_token_is_refused(vendor: Vendor, token: str) -> None:
    body = refused(await vendor.send("GET", "/jobs", params={"pageToken": token}), 400, "ValidationError")
    assert list(body["fields"]) == ["pageToken"]


async def test_pages_go_on_though_workflows_come(vendor: Vendor) -> None:
    workflow_id = await vendor.publish(GATE, "deploy one")
    made = [await vendor.submit(workflow_id) for _ in range(2)]
    first = await eventually(lambda: listed(vendor, workflowName="Deploy", pageSize=1), lambda a: a["totalCount"] == 2)
    await vendor.register("deploy two")
    await vendor.register("nightly")
    token = first["nextPageToken"]
    second = await listed(vendor, workflowName="deploy", pageSize=1, pageToken=token)
    assert [job["jobId"] for job in (*first["jobs"], *second["jobs"])] == made[::-1]
    refused(
        await vendor.send("GET", "/jobs", params={"workflowName": "other", "pageToken": token}), 400, "ValidationError"
    )


async def test_a_page_token_belongs_to_its_organisation(vendor: Vendor) -> None:
    workflow_id = await vendor.publish(GATE)
    for _ in range(2):
        await vendor.submit(workflow_id)
    answer = await eventually(lambda: listed(vendor, pageSize=1), lambda answer: answer["totalCount"] == 2)
    other = Vendor(vendor.http, vendor.organisation + "x")
    response = await other.send("GET", "/jobs", params={"pageToken": answer["nextPageToken"]})
    assert response.status_code == 400 or response.json()["jobs"] == []
