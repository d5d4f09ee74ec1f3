"""From tokens to a tree. What Go only finds when it runs, but is plain from the text, is refused here too."""

from __future__ import annotations

from collections.abc import Container

from definitions.expressions.go_template.nodes import Action, Branch, Include, Jump, Node, Pipe, Templates, Text, Tree
from definitions.expressions.go_template.pipelines import PipelineParser
from definitions.expressions.go_template.problems import Origin


def parse(origin: Origin, functions: Container[str], unsupported: Container[str]) -> Templates:
    """Parse a text. Raises SourceError, with line and column."""
    parser = _Parser(origin, functions, unsupported)
    main = parser.tree(("eof",))
    for name, offset in parser.included:
        if name not in parser.defined:
            raise origin.refuse(f'template "{name[:80]}" not defined', offset)
    return Templates(main, parser.defined, parser.called)


class _Parser(PipelineParser):
    def __init__(self, origin: Origin, functions: Container[str], unsupported: Container[str]) -> None:
        super().__init__(origin, functions, unsupported)
        self.defined: dict[str, Tree] = {}
        self.included: list[tuple[str, int]] = []
        self.loops = 0

    def tree(self, ends: tuple[str, ...]) -> Tree:
        """A template of its own: its variables are not those around it."""
        saved = self.variables, self.slots, self.depth, self.deepest, self.loops
        depth = self.depth
        self.fresh()
        self.loops = 0
        self.depth = self.deepest = depth
        nodes, _ = self.nodes(ends, top="eof" in ends)
        tree = Tree(nodes, self.slots, self.deepest - depth)
        self.variables, self.slots, self.depth, self.deepest, self.loops = saved
        return tree

    def nodes(self, ends: tuple[str, ...], top: bool = False) -> tuple[tuple[Node, ...], str]:
        """Nodes up to one of the `ends`; its action is consumed up to the keyword."""
        nodes: list[Node] = []
        while True:
            token = self.next()
            if token.kind == "text":
                nodes.append(Text(token.text))
                continue
            if token.kind == "eof":
                if "eof" not in ends:
                    raise self.origin.refuse("unexpected the end: a block is not closed", token.offset)
                return tuple(nodes), "eof"
            first = self.skip_space()
            if first.kind in ("end", "else"):
                if first.kind not in ends:
                    raise self.origin.refuse(f"unexpected {{{{{first.kind}}}}}", first.offset)
                self.next()
                return tuple(nodes), first.kind
            if first.kind == "define" and not top:
                raise self.unexpected(first, "command")
            node = self.action()
            if node is not None:
                nodes.append(node)

    def action(self) -> Node | None:
        first = self.peek()
        if first.kind in ("if", "with", "range"):
            self.next()
            return self.branch(first.kind)
        if first.kind in ("break", "continue"):
            self.next()
            self.expect("}}", f"{{{{{first.kind}}}}}")
            if not self.loops:
                raise self.origin.refuse(f"{{{{{first.kind}}}}} outside {{{{range}}}}", first.offset)
            return Jump(first.kind)
        if first.kind == "define":
            self.next()
            self.define(*self.template_name("define clause"))
            return None
        if first.kind in ("template", "block"):
            self.next()
            return self.include(first.kind)
        return Action(self.pipe("command", "}}"))

    def branch(self, kind: str) -> Branch:
        self.deeper()
        visible = len(self.variables)
        pipe = self.pipe(kind, "}}")
        self.loops += kind == "range"
        body, end = self.nodes(("end", "else"))
        self.loops -= kind == "range"
        otherwise: tuple[Node, ...] = ()
        if end == "else":
            following = self.skip_space()
            if kind != "range" and following.kind == kind:
                self.next()
                otherwise = (self.branch(kind),)
                del self.variables[visible:]
                self.depth -= 1
                return Branch(kind, pipe, body, otherwise)
            self.expect("}}", "else")
            otherwise, _ = self.nodes(("end",))
        self.expect("}}", "end")
        del self.variables[visible:]
        self.depth -= 1
        return Branch(kind, pipe, body, otherwise)

    def template_name(self, context: str) -> tuple[str, int]:
        token = self.skip_space()
        if token.kind not in ("string", "raw"):
            raise self.unexpected(token, context)
        self.next()
        return self.text_of(token), token.offset

    def define(self, name: str, offset: int) -> None:
        self.expect("}}", "define clause")
        self.body_of(name, offset)

    def body_of(self, name: str, offset: int) -> None:
        self.deeper()
        tree = self.tree(("end",))
        self.expect("}}", "end")
        self.depth -= 1
        if name in self.defined:
            raise self.origin.refuse(f'multiple definition of template "{name[:80]}"', offset)
        self.defined[name] = tree

    def include(self, kind: str) -> Include:
        name, offset = self.template_name(f"{kind} clause")
        pipe: Pipe | None = None
        if self.skip_space().kind == "}}" and kind == "template":
            self.next()
        else:
            pipe = self.pipe(f"{kind} clause", "}}")
        if kind == "block":
            self.body_of(name, offset)
        self.included.append((name, offset))
        return Include(name, pipe, offset)
