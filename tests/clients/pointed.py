"""Points aepp at a server, whose ready-file is the first argument. Nothing of the client itself is changed."""

import sys
import time

import aepp
from aepp import config

with open(sys.argv[1], encoding="utf-8") as ready:
    FACTS = dict(line.strip().split("=", 1) for line in ready if "=" in line)

URL = FACTS["TRIBUTARY_URL"]
TENANT = FACTS["TRIBUTARY_TENANT"]
XDM = "https://ns.adobe.com/xdm"

aepp.configure(
    org_id=FACTS["TRIBUTARY_ORG"],
    client_id=FACTS["TRIBUTARY_API_KEY"],
    secret=FACTS["TRIBUTARY_CLIENT_SECRET"],
    scopes="openid,AdobeID",
    sandbox=FACTS["TRIBUTARY_SANDBOX"],
    environment="prod",
)
config.endpoints["global"] = URL
config.endpoints["streaming"]["collection"] = URL
config.config_object["oauthTokenEndpointV2"] = URL + "/ims/token/v3"
config.config_object["imsEndpoint"] = URL

CHECKS = 0


def check(holds, told):
    """Ends the run, saying what came instead, when something does not hold."""
    global CHECKS
    CHECKS += 1
    if not holds:
        raise AssertionError(told)


def refused(answer, status):
    """An error as aepp hands it on."""
    check(isinstance(answer, dict) and answer.get("status") == status, answer)


def gone(answer):
    """What look-ups hand on when there is nothing: some keep the error, some an empty object in its place."""
    check(answer == {} or answer.get("status") == 404, answer)


def until(what, probe, seconds=60):
    """Asks again until there is something."""
    for _ in range(seconds * 10):
        found = probe()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"gave up waiting for {what}")


def done():
    print(f"{CHECKS} checks hold")
