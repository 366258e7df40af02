"""What notebook 01 says of its own numbers."""

assert (nose @ matrix[:, :2].T + matrix[:, 2]).round(1).tolist() == [83.9, 47.3], "the nose, by hand"
assert round(float(matrix[0, 0]), 4) == 0.3265
assert center.tolist() == [239.5, 264.5]

rules = {row[0]: row[1:] for row in table_of_rules().rows}
assert mean_shift() == 3.5
assert np.allclose(rules['read by "center"'], 100)
assert round(rules['read by "msra"'][0], 6) == 100, "PCK@0.2 does not notice"
assert max(rules['read by "msra"'][1:]) < 5, "the stricter ones collapse"

assert np.allclose(mine, library, atol=1e-6), "my_target is the library's"
values = np.exp(-np.array([1, 4, 9]) / 2.88)
assert values.round(2).tolist() == [0.71, 0.25, 0.04]
assert abs(float(my_target((9.3, 9.6), (20, 20), 1.2).sum()) - 9.05) < 0.01
right = [row[2] for row in peaks_table().rows]
assert right == sorted(right), f"a higher peak is more often right: {right}"
assert all(row[2] > row[3] + 10 for row in peaks_table().rows), "how often depends on how near is near enough"

sigmas, plain, between = errors_by_sigma()
assert sigmas[int(between.argmin())] == 0.8, f"the best sigma: {between}"
assert between[0] > 5, "0.3 is hopeless"
assert plain[-1] > plain[2] + 1, "and a wide one is worse again"
corner = gaussian_targets(torch.tensor([[[9.5, 9.5]]]), (20, 20), 0.3)
assert 0.055 < float(corner.max()) < 0.065, "a joint in the corner of four cells has a peak of 0.06"

assert (~in_sight).sum() == 3
_, full_weights = targets_of_him(crop_of_him.labelled[0])
_, seen_weights = targets_of_him(torch.from_numpy(in_sight))
assert (full_weights.sum(), seen_weights.sum()) == (14, 11)
in_view, covered = (row[2] for row in hidden_table().rows)
assert covered > 50, f"hidden joints are inferred: {covered}"
assert in_view > covered

assert [column, row] == [7, 9], "row 187 // 20, column 187 % 20"
assert crop_px[0].tolist() == [59.5, 75.5]
assert error.max() <= np.hypot(4, 4) + 1e-3, "a cell hides 4 px on each axis"
assert (error <= 0.2 * torso).all(), "PCK@0.2 is 100 %"
assert not (error <= 0.1 * torso).all(), "PCK@0.1 is not"
assert round(4 / float(to_crop[0, 0]), 2) == 12.25
