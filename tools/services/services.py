#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real servers beside Braid: services.py up|down|status|remove [NAME …].

`up` installs what is asked for, starts it and waits until it answers; what is up already stays. `down` ends its
processes and keeps its data, `remove` takes these too. Without names: all for down, status and remove.
"""
import argparse
import concurrent.futures
import sys

from service import Failed, say
from servers import ALL


def up(names):
    """One after the other: two cores start a virtual machine best alone. Those below come first."""
    wanted = {*names, *(below for name in names for below in ALL[name].needs)}
    for name in (each for each in ALL if each in wanted):
        ALL[name]().up()


def status(names):
    """A line each."""
    services = [ALL[name]() for name in names]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for service, state in zip(services, pool.map(lambda each: each.state(), services)):
            print(f"{service.name:9} {state:9} {service.address() if state != 'down' else ''}".rstrip())


def main():
    """See the top of the file."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("verb", choices=("up", "down", "status", "remove"))
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ALL))
    options = arguments.parse_args()
    unknown = [name for name in options.names if name not in ALL]
    if unknown:
        arguments.error(f"no service is called {', '.join(unknown)}; there are {', '.join(ALL)}")
    names = [name for name in ALL if name in options.names or not options.names]
    if options.verb == "up" and not options.names:
        arguments.error(f"up needs names: {', '.join(ALL)}")
    try:
        if options.verb == "up":
            up(names)
        elif options.verb == "status":
            status(names)
        else:
            for name in reversed(names):
                service = ALL[name]()
                service.remove() if options.verb == "remove" else service.down()
    except Failed as failed:
        say("services", str(failed))
        sys.exit(1)


if __name__ == "__main__":
    main()
