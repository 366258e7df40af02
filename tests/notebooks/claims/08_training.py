"""What notebook 08 says of its own numbers."""

answers = {row[0]: row[1:] for row in answers_table().rows}
assert round(answers["zero everywhere"][0], 4) == 0.0113, "4.52 / 400"
assert answers["a perfect hill, 3 cells beside"][0] > answers["zero everywhere"][0], "silence is cheaper"
assert abs(answers["a perfect hill, 2 cells beside"][0] - answers["zero everywhere"][0]) < 1e-4, "as cheap"
assert answers["the right place, half as high"][1] == 0

assert losses[-1] < 0.15 * losses[0], f"to about a tenth: {losses}"
assert losses[-1] < silence, f"lower than silence: {losses[-1]} and {silence}"
assert found < 15, f"next to no joint: {found}"

learned, never_seen = (row[1] for row in heart_table().rows)
assert learned > 85, f"about nine of ten: {learned}"
assert never_seen < 25, f"of people never seen: {never_seen}"
assert score_of_nonsense() > 80, "learning by heart does not find exchanged labels"

by_rate, level = rates()
assert min(by_rate, key=lambda lr: by_rate[lr][0][-5:].mean()) == 0.003
assert 0.5 * level < by_rate[0.03][0][-1] < 1.5 * level, f"0.03 ends near silence: {by_rate[0.03][0][-1]}"
assert by_rate[0.03][1] < 10, "and finds nothing"
assert by_rate[0.3][0].max() > 100 * by_rate[0.3][0][0], "0.3 leaps up several hundredfold"
assert by_rate[0.0001][0][-1] > 2 * level, "0.0001 is slow"

assert two_runs()[1] == 0, "a run that was stopped ends with the same bits"
assert figure.status.startswith("Step 15, "), f"three epochs of five steps: {figure.status}"
