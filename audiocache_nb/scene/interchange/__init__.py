"""Events and regions for other programs and from them: Audacity's label files, JAMS and CSV.

>>> import audiocache_nb as acn
>>> labels = acn.interchange.Labels.of([0.5, 1.0], [0.5, 2.0], ["click", "verse"])
>>> acn.interchange.write_labels(labels, "song.txt")  # doctest: +SKIP

What is read is a kind of `Events`: a calculator may return it as it is, so that annotations made by
hand lie on the timeline beside what was computed. Framewise features go to NetCDF, Zarr, CSV and
Parquet through `FeatureTrack.to_xarray` and `FeatureTrack.to_pandas`.
"""

from __future__ import annotations

from audiocache_nb.scene.interchange.audacity import read_labels, write_labels
from audiocache_nb.scene.interchange.csv_tables import from_csv, to_csv
from audiocache_nb.scene.interchange.jams import from_jams, to_jams
from audiocache_nb.scene.interchange.labels import Labels, labels_of

__all__ = ["Labels", "from_csv", "from_jams", "labels_of", "read_labels", "to_csv", "to_jams", "write_labels"]
