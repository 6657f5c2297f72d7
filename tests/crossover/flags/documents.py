"""Documents and contexts of few words, so that rules meet, overlap and hide each other."""

from __future__ import annotations

from hypothesis import strategies as st

from crossover.flags.model import Allow, Context, Deny, Document, Flag, Split, Variant, When

TENANTS = ("acme", "beta", "gamma", "t-0", "zeta9")
OTHER_TENANT = "someone-else"
APPS = ("billing", "sales", "1", "true")
CONNECTORS = ("hive", "ibérico")
ENVIRONMENTS = ("prod",)
FLAG = "enable_crossover"

tenants = st.sampled_from(TENANTS)
_some_tenants = st.lists(tenants, min_size=1, max_size=3, unique=True).map(tuple)


def _words(words: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.just(()) | st.lists(st.sampled_from(words), max_size=2, unique=True).map(tuple)


whens = st.just(When()) | st.builds(
    When, app=_words(APPS), connector=_words(CONNECTORS), environment=_words(ENVIRONMENTS)
)
percentages = st.sampled_from((0.0, 100.0, 50.0, 0.001)) | st.integers(0, 100_000).map(lambda w: w / 1000)


@st.composite
def _splits(draw: st.DrawFn) -> Split:
    crossover = draw(percentages)
    shadow = draw(percentages.filter(lambda share: share + crossover <= 100) | st.just(0.0))
    return Split(crossover=crossover, shadow=shadow, when=draw(whens))


denies = st.builds(Deny, tenants=_some_tenants, when=whens)
allows = st.builds(
    Allow, tenants=_some_tenants, variant=st.sampled_from((Variant.SHADOW, Variant.CROSSOVER)), when=whens
)
splits = _splits()


@st.composite
def flags(draw: st.DrawFn, killed: bool = True) -> Flag:
    return Flag(
        description=draw(st.sampled_from(("", "moves “steps”"))),
        kill=killed and draw(st.integers(0, 9)) == 0,
        deny=tuple(draw(st.lists(denies, max_size=3))),
        allow=tuple(draw(st.lists(allows, max_size=4))),
        rollout=tuple(draw(st.lists(splits, max_size=4))),
        salt=draw(st.none() | st.sampled_from(("again", "é" * 40, "x" * 64))),
    )


@st.composite
def documents(draw: st.DrawFn, killed: bool = True) -> Document:
    names = (FLAG, *draw(st.sampled_from(((), ("enable_publish_app_executor",)))))
    return Document(
        kill=killed and draw(st.integers(0, 9)) == 0,
        flags={name: draw(flags(killed=killed)) for name in names},
    )


def _word(words: tuple[str, ...]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from((*words, "anything else"))


contexts = st.builds(
    Context,
    tenant=st.sampled_from((*TENANTS, OTHER_TENANT)),
    app=_word(APPS),
    connector=_word(CONNECTORS),
    environment=_word(ENVIRONMENTS),
)


def all_contexts(tenant: str) -> list[Context]:
    """One for every way in which documents made here can tell contexts of `tenant` apart."""
    return [
        Context(tenant=tenant, app=app, connector=connector, environment=environment)
        for app in (*APPS, None)
        for connector in (*CONNECTORS, None)
        for environment in (*ENVIRONMENTS, None)
    ]
