"""Who may ask: the users of a file as ClickHouse has them under users.d, with their passwords and whether they may write."""

import hashlib
import hmac
import xml.etree.ElementTree as xml


class Users:
    """Without a file there is the user `default`, without a password, as in a server that nobody has configured."""

    def __init__(self, path=None):
        self.known = {}
        self.read_only = set()
        if path is None:
            self.known["default"] = digest("")
            return
        root = xml.parse(path).getroot()
        profiles = {
            profile.tag for profile in root.findall("profiles/*") if profile.findtext("readonly", "0").strip() != "0"
        }
        for user in root.findall("users/*"):
            # Who may come from this machine only does not come at all: here everybody comes by the network.
            if "::/0" not in [address.text for address in user.findall("networks/ip")]:
                continue
            secret = user.findtext("password_sha256_hex")
            self.known[user.tag] = secret.strip().lower() if secret else digest(user.findtext("password", ""))
            if user.findtext("profile", "").strip() in profiles:
                self.read_only.add(user.tag)

    def may(self, name, password):
        """Whether this is the user's password; an unknown user takes as long to refuse."""
        return hmac.compare_digest(self.known.get(name, "-" * 64), digest(password))


def digest(password):
    return hashlib.sha256(password.encode()).hexdigest()
