#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/regions.mmdb, a region database small enough for fast tests: make_regions.py.

Needs PyPI's mmdb-writer and netaddr. Some entries are flat as in DB-IP's files, some nested as in
MaxMind's. The places are invented for their networks as far as nobody knows better.
"""

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

FLAT = {
    "81.2.69.0/24": ("GB", "England"),
    "202.108.22.0/24": ("CN", "Beijing"),
    "61.135.0.0/16": ("CN", "Beijing"),
    "58.32.0.0/13": ("CN", "Shanghai"),
    "14.16.0.0/12": ("CN", "Guangdong"),
    "1.24.0.0/13": ("CN", "Inner Mongolia"),
    "1.80.0.0/13": ("CN", "Shaanxi"),
    "1.68.0.0/14": ("CN", "Shanxi"),
    "66.249.64.0/19": ("US", "California"),
    "208.115.111.0/24": ("US", "Texas"),
    "46.105.14.0/24": ("FR", "Hauts-de-France"),
    "144.76.0.0/16": ("DE", "Saxony"),
    "83.149.9.0/24": ("RU", "Moscow"),
    "203.0.114.0/24": ("AU", ""),
    "2001:218::/32": ("JP", "Tokyo"),
    "240e:d9:c200::/40": ("CN", "Beijing"),
    "2a01:4f8::/32": ("DE", "Saxony"),
}
NESTED = {
    "89.160.20.0/24": ("SE", "Östergötland County"),
    "110.136.0.0/16": ("ID", "Jakarta"),
    "2001:470::/32": ("US", "California"),
}


def main() -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Braid-Test-Regions",
                        languages=["en"], description="Small region database of Braid's tests")
    for network, (country, region) in FLAT.items():
        entry = {"country_code": country}
        if region:
            entry["state1"] = region
        writer.insert_network(IPSet([network]), entry)
    for network, (country, region) in NESTED.items():
        writer.insert_network(IPSet([network]), {
            "country": {"iso_code": country},
            "subdivisions": [{"names": {"en": region}}],
        })
    writer.to_db_file(str(Path(__file__).with_name("regions.mmdb")))


if __name__ == "__main__":
    main()
