"""As much of a data set as planning a study looks at."""


class FewFrames:
    sample_ids = ("a", "b")


class NamedData:
    """Known by its fingerprint."""

    name, spec, protocol = "synthetic", "synthetic", "synthetic"

    def __init__(self, print="0123"):
        self.print = print

    def fingerprint(self):
        return self.print

    def split(self, name):
        del name
        return FewFrames()
