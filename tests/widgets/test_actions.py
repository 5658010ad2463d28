from __future__ import annotations

import pytest
from widgets.conftest import widget_comm
from widgets.fake import curve_track, spectrogram_track

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.widgets.caches_panel import CachesPanel
from audiocache_nb.widgets.feature_plot import FeaturePlot
from audiocache_nb.widgets.status_badge import StatusBadge


@pytest.fixture
def press(session, track):
    panel = CachesPanel(session)

    def press(verb, request_id=1, track_id=track.id, **more):
        page = widget_comm(panel)
        page.page_sends({"kind": "action", "id": request_id, "verb": verb, "track_id": track_id, **more})
        (reply, buffers) = page.customs[-1]
        assert buffers == []
        return reply

    press.panel = panel
    return press


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("stop", "Analysis stopped."),
        ("restart", "Analysis restarted."),
        ("clear", "Cleared."),
        ("compute", "Computing."),
    ],
)
def test_a_button_is_one_verb(session, track, press, verb, message):
    assert press(verb, request_id=77) == {"kind": "done", "id": 77, "message": message}
    assert session.calls == [(verb, track.id)]


def test_re_analyse_names_exactly_the_feature_of_the_row(session, track, press):
    session.set_entry(track, "rms", "fresh", curve_track())
    wanted = session.set_entry(track, "rms", "missing", profile=AnalysisProfile(hop_size=99))
    session.set_entry(track, "spectrogram", "fresh", spectrogram_track(3))
    session.publisher.flush()
    row = next(f for f in press.panel.rows[0]["features"] if "hop 99" in f["parameters"])
    assert press("reanalyze", slots=[row["slot"]])["message"] == "Re-analysing 1 feature track."
    assert session.calls == [("reanalyze", track.id, [wanted.descriptor])]


def test_re_analyse_without_a_choice_means_all(session, track, press):
    session.set_entry(track, "rms", "fresh", curve_track())
    session.set_entry(track, "spectrogram", "stale", spectrogram_track(3))
    assert press("reanalyze")["message"] == "Re-analysing 2 feature tracks."
    assert [d.feature for d in session.calls[0][2]] == ["rms", "spectrogram"]


def test_only_what_is_stale_is_analysed_again(session, track, press):
    session.set_entry(track, "rms", "fresh", curve_track())
    stale = session.set_entry(track, "spectrogram", "stale", spectrogram_track(3))
    session.publisher.flush()
    assert press.panel.rows[0]["stale"] == 1
    assert press("refresh_stale")["message"] == "Re-analysing 1 stale feature track."
    assert session.calls == [("reanalyze", track.id, [stale.descriptor])]
    session.set_entry(track, "spectrogram", "running", spectrogram_track(3))
    assert press("refresh_stale")["kind"] == "refused"


def test_what_is_no_longer_there_is_refused(session, track, press):
    assert press("reanalyze", slots=["0" * 24])["kind"] == "refused"
    assert press("reanalyze", slots=["mvmnt.rms"])["kind"] == "refused", "a page cannot name a calculator"
    assert press("stop", track_id="nobody") == {
        "kind": "refused", "id": 1, "message": "The track is no longer on the timeline."
    }  # fmt: skip
    assert press("stop", slots=["a"])["kind"] == "refused"
    assert session.calls == []


def test_what_the_session_refuses_is_told_with_its_hint(session, press):
    session.fail_with = AudioCacheError("It cannot be\u202e done.", hint="Try later.")
    assert press("stop")["message"] == "It cannot be⟨U+202E⟩ done. Try later."


def test_an_unexpected_error_is_logged_and_tells_no_paths(session, press, caplog):
    session.fail_with = OSError("/home/user/secret/song.wav is gone")
    reply = press("restart")
    assert reply == {"kind": "refused", "id": 1, "message": "It failed (OSError); the log of the kernel says more."}
    assert "secret" in caplog.text


def test_a_closed_session_is_told(session, press):
    session.closed = True
    assert press("stop")["message"] == "The session is closed."
    session.closed = False


def test_badge_and_plot_act_too(session, track):
    for widget in (StatusBadge(session, track), FeaturePlot(session, track)):
        session.calls.clear()
        page = widget_comm(widget)
        page.page_sends({"kind": "action", "id": 4, "verb": "stop", "track_id": track.id})
        assert page.customs[-1][0]["kind"] == "done"
        assert session.calls == [("stop", track.id)]
