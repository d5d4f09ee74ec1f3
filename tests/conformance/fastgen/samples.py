"""Actions, and the order example of the vendor's page."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def variable(name: str, value: Any) -> Json:
    return {"name": name, "type": "variable", "config": {"value": value}}


def returns(body: Any = None, status: Any = 200, name: str = "Reply", **more: Any) -> Json:
    return {"name": name, "type": "return", "config": {"status": status, "body": body, **more}}


def creates(event: str, params: Any, name: str = "Emit", **more: Any) -> Json:
    return {"name": name, "type": "createEvent", "config": {"event": event, "params": params, **more}}


def asks(name: str, url: str, method: str = "GET", **more: Any) -> Json:
    return {"name": name, "type": "httpRequest", "config": {"method": method, "url": url, **more}}


def decides(name: str, group: Json, true: list[Json], false: list[Json]) -> Json:
    return {"name": name, "type": "if", "config": group, "true": true, "false": false}


def delays(seconds: float, name: str = "Pause") -> Json:
    return {"name": name, "type": "delay", "config": {"seconds": seconds}}


def order_route(site_url: str) -> list[Json]:
    """The actions of the page's route: an invoice, the stock, and an event when it has become low."""
    low = {"all": [{"left": "{{$action.stock.body.count}}", "operator": "less", "right": 50}]}
    return [
        asks("Invoice", f"{site_url}/invoices", "POST", body={"order": "{{$body}}"}),
        asks("Stock", site_url + "/stock/{{$body.sku.id}}"),
        decides("Low", low, [creates("sku_reorder", {"sku": "{{$body.sku.id}}"}, "Reorder")], []),
        returns({"ordered": True}, 201),
    ]


def reorder_actions(site_url: str) -> list[Json]:
    """Those of the page's workflow."""
    return [asks("Call supplier", f"{site_url}/supplier", "POST", body={"sku": "{{$param.sku}}"})]
