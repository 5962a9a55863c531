"""A folder is one process's at a time, and nobody's once that is gone."""

import threading

import pytest

from thermodepth.lock import LOCK, holding


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    with holding(tmp_path / "new"):
        assert (tmp_path / "new" / LOCK).is_file()
        with pytest.raises(TimeoutError), holding(tmp_path / "new", patience_s=0.0):
            pytest.fail("held twice")
        with holding(tmp_path / "other", patience_s=0.0):
            pass
    with holding(tmp_path / "new", patience_s=0.0):
        pass


@pytest.mark.parametrize("patience_s", [None, 20.0])
def test_whoever_has_patience_gets_it(tmp_path, patience_s):
    order = []

    def wait():
        with holding(tmp_path, patience_s=patience_s):
            order.append("second")

    with holding(tmp_path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
