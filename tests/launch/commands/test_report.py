from __future__ import annotations


def test_report_writes_both_files_and_prints_the_rates(command, run_with_episodes):
    code, out, _ = command("report", run_with_episodes.root)
    assert code == 0
    assert "final    success 0.85 [0.64, 0.95] of 20" in out
    assert run_with_episodes.report_json.exists() and run_with_episodes.report_html.exists()


def test_report_of_an_unfinished_run_says_how_to_go_on(command, make_run, events_of_run):
    directory = make_run("half", list(events_of_run())[:20])
    code, out, _ = command("report", directory.root)
    assert code == 0 and f"potstill dagger resume {directory.root}" in out


def test_report_of_a_folder_that_is_no_run_is_refused(refused, tmp_path):
    assert "no config.yaml" in refused("report", tmp_path)


def test_a_misspelt_run_directory_gets_the_nearest_one(refused, finished_run):
    wrong = finished_run.root.with_name("runn")
    assert f"did you mean {finished_run.root}?" in refused("report", wrong)
