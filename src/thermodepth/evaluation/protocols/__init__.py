"""What two numbers must share before they may be compared.

protocol.py        depth range, crop, mask, alignment, averaging, resize, frame list: data with an id
presets.py         the protocols that published tables were made under, and our data sets' own
named.py           by name, or a person's own as TOML
crop.py            which pixels of a frame count at all
alignment.py       what a prediction may be told of the truth
resize.py          a map to the truth's size
"""
