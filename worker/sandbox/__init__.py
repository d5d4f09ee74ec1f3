"""Foreign JavaScript and TypeScript, run in Deno processes without any permission. See docs/sandbox.md."""
