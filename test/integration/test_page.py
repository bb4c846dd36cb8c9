# SPDX-License-Identifier: GPL-3.0-or-later
"""The page for people, in a headless Chromium: live, on a phone, in the dark, and never tricked."""

import re
import socket

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from admin import api, get, with_admin
from postern import free_port, wait_until

pytestmark = pytest.mark.release_only
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage")


class Browser:
    def __init__(self, home):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        for flag in (*FLAGS, f"--user-data-dir={home}"):
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))

    def open(self, postern, width=1280, height=900, dark=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.driver.get("about:blank")
        self.complaints()  # of the page before, whose Postern has gone
        self.driver.get(f"http://127.0.0.1:{postern.admin}/")
        wait_until(lambda: int(self.ask("document.body.dataset.polls") or 0) >= 1, "the first answers")

    def ask(self, expression):
        return self.driver.execute_script("return " + expression)

    def text(self, selector):
        return self.ask(f"document.querySelector({selector!r}).innerText")

    def wait_text(self, selector, part):
        wait_until(lambda: part in self.text(selector), f"{part!r} in {selector}")

    def complaints(self):
        """What the browser has to say about the page, and not about its own."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if not entry["message"].startswith("chrome://")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    one = Browser(tmp_path_factory.mktemp("chromium"))
    yield one
    one.driver.quit()


@pytest.fixture
def shown(start, pki):
    return with_admin(start, watch=True, policies=[{"name": "fleet", "rules": [
        {"name": "old meters", "match": {"client_id": "meter-*"}, "until": "2999-01-01"},
        {"name": "everyone else", "require": {"tls_version": "1.3"}}]}],
        backends=[{"name": "local", "builtin_broker": True},
                  {"name": "dead", "servers": [f"127.0.0.1:{free_port()}"], "health_check": {"interval": "100ms"}}],
        listener={"backend": "local"},
        tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem"),
             "client_crl": [pki.path("ca.crl")]})


def test_shows_live_numbers(browser, shown):
    browser.open(shown)
    assert browser.text("#state") == "ready" and browser.text("#connections") == "0"
    with shown.client(5, version="1.3") as one, shown.client(4, version="1.2") as two:
        one.connect("gateway")
        two.connect("meter-1")
        browser.wait_text("#connections", "2")
        browser.wait_text("#versions", "TLS 1.2")
        assert "TLS 1.3" in browser.text("#versions") and "MQTT 3.1.1" in browser.text("#mqtt")
        browser.wait_text("#inventory", "meter-1")
        assert "connected" in browser.text("#inventory")
    browser.wait_text("#connections", "0")
    browser.wait_text("#legend-handshakes", "finished")
    assert "finished –" not in browser.text("#legend-handshakes"), "a rate from the first sample on"
    assert browser.ask("document.querySelectorAll('#chart-connections polyline').length") == 1
    assert "old meters" in browser.text("#rules") and "2999-01-01" in browser.text("#rules")
    assert browser.complaints() == []


def test_shows_backends_and_certificates_with_what_is_wrong(browser, shown):
    browser.open(shown)
    browser.wait_text("#backends", "down")
    assert "connection refused" in browser.text("#backends") and "builtin" in browser.text("#backends")
    browser.wait_text("#certificates", "CN=localhost")
    days = [int(text) for text in browser.ask(
        "[...document.querySelectorAll('#certificates .badge')].map(one => one.innerText)")]
    assert days == sorted(days) and days[0] == 6 and 29 in days


def test_shows_what_was_before_it_was_opened(browser, shown):
    with shown.client(5, version="1.3") as one, shown.client(5, version="1.2") as two:
        one.connect("gateway")
        assert two.connect("refused").code == 0x87
        wait_until(lambda: any(sample["refusals"] for sample in api(shown, "history")["samples"]), "a sample")
    wait_until(lambda: api(shown, "history")["samples"][-1]["connections"] == 0, "a sample without them")
    browser.open(shown)

    def points(number):
        lines = browser.ask("[...document.querySelectorAll('#chart-handshakes polyline')].map(one => one.getAttribute('points'))")
        return [tuple(map(float, point.split(","))) for point in lines[number].split()]

    lowest = max(y for _, y in points(0))
    for number in (0, 2):  # finished, refused
        assert len(points(number)) >= 2 and min(y for _, y in points(number)) < lowest
    assert browser.text("#refusals").split() == ["tls", "version", "1", "of", "1"]
    assert "in the last 5 minutes" in browser.text(".window")
    browser.driver.find_element("css selector", "#windows button[value='60']").click()
    assert "in the last hour" in browser.text(".window")
    assert len(points(0)) == 1, "four samples make a point then"
    assert browser.complaints() == []


def test_says_first_what_is_wrong(browser, shown):
    browser.open(shown)
    browser.wait_text("#attention", "No server of backend dead answers")
    said = browser.text("#attention")
    assert "connection refused" in said and re.search(r"CN=localhost.* expires in 29 days", said)
    assert "CRL" not in said, "one that is due in six days is in order"
    worst = browser.ask("[...document.querySelectorAll('#attention li')].map(one => one.className)")
    assert worst == sorted(worst) and worst[0] == "bad"
    top = "document.getElementById({}).getBoundingClientRect().top"
    assert browser.ask(top.format("'attention'")) < browser.ask(top.format("'connections'")) < 400


def test_one_who_tries_again_and_again_hides_nobody(browser, shown):
    for number in range(12):
        with shown.client(5, version="1.2") as client:
            assert client.connect(f"loud-{number % 6}").code == 0x87
    browser.open(shown)
    browser.wait_text("#incidents", "12 times")
    assert browser.ask("document.querySelectorAll('#incidents .incident').length") == 1
    assert "and 2 more" in browser.text("#incidents")
    browser.driver.find_element("css selector", "#incidents button").click()
    wait_until(lambda: browser.text("#inventory-count") == "1", "the inventory of that client")


def test_explains_who_was_not_served_and_shows_hostile_names_as_text(browser, shown):
    with shown.client(5, version="1.2") as client:
        assert client.connect(HOSTILE).code == 0x87
    with shown.client(4, version="1.3") as client:
        client.connect(HOSTILE + "2")
    browser.open(shown)
    browser.wait_text("#incidents", HOSTILE)
    assert "requires TLS 1.3" in browser.text("#incidents") and "tls version" in browser.text("#refusals")
    browser.wait_text("#inventory", HOSTILE + "2")
    assert re.fullmatch(r"(\(\d+\) )?Postern · " + re.escape(socket.gethostname()), browser.ask("document.title"))
    assert browser.ask("document.querySelectorAll('#live img, #live script').length") == 0
    assert browser.complaints() == []


def test_the_inventory_has_a_filter(browser, shown):
    for name, version in (("meter-1", "1.2"), ("meter-2", "1.3"), ("gateway", "1.3")):
        with shown.client(4, version=version) as client:
            client.connect(name)
    browser.open(shown)
    browser.wait_text("#inventory", "gateway")
    field = browser.driver.find_element("id", "filter")
    field.send_keys("METER 1.2")
    wait_until(lambda: "gateway" not in browser.text("#inventory"), "the filter")
    assert "meter-1" in browser.text("#inventory") and "meter-2" not in browser.text("#inventory")
    field.clear()
    field.send_keys("nobody")
    browser.wait_text("#inventory", "nobody matches")


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_never_scrolls_sideways(browser, shown, width):
    with shown.client(5, version="1.2") as client:
        client.connect("x" * 200)
    with shown.client(5, version="1.3") as client:
        client.connect("y" * 200)
    browser.open(shown, width=width, height=800)
    browser.wait_text("#incidents", "x" * 50)
    browser.wait_text("#inventory", "y" * 50)
    assert browser.ask("document.documentElement.scrollWidth") <= width


def test_is_dark_where_the_system_is(browser, shown):
    def brightness():
        colour = browser.ask("getComputedStyle(document.documentElement).backgroundColor")
        return sum(int(part) for part in colour[4:-1].split(","))

    browser.open(shown)
    light = brightness()
    browser.open(shown, dark=True)
    assert light > 600 and brightness() < 150


def test_says_when_a_reload_has_failed_and_when_nobody_answers(browser, shown):
    browser.open(shown)
    assert browser.ask("document.getElementById('reload').hidden")
    with open(shown.file, "a", encoding="utf-8") as file:
        file.write("nonsense: <b>true</b>\n")
    browser.wait_text("#reload", "nonsense")
    assert "configuration of before" in browser.text("#reload")
    shown.stop()
    wait_until(lambda: not browser.ask("document.getElementById('lost').hidden"), "the loss to be told")
    assert "does not answer" in browser.text("#lost")
    assert browser.ask("document.title").startswith("no answer · ")


def test_asks_nobody_but_postern(browser, shown):
    browser.driver.get_log("performance")
    browser.open(shown)
    log = "\n".join(entry["message"] for entry in browser.driver.get_log("performance"))
    where = f"http://127.0.0.1:{shown.admin}/"
    asked = {part.split('"')[0] for part in log.split('"documentURL":')[1:]}
    assert f"{where}api/v1/status" in log and asked
    for request in log.split('"method":"Network.requestWillBeSent"')[1:]:
        url = request.split('"url":"')[1].split('"')[0]
        assert url.startswith((where, "data:")), url


def test_is_one_file_under_a_strict_policy(shown):
    status, body, headers = get(shown.admin, "/")
    policy = headers["Content-Security-Policy"]
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    assert body.count(f'nonce="{nonce}"') == 2 and "@NONCE@" not in body
    assert nonce not in get(shown.admin, "/")[2]["Content-Security-Policy"], "a nonce serves once"
    assert " src=" not in body and "@import" not in body and "innerHTML" not in body
    assert "default-src 'none'" in get(shown.admin, "/api/v1/status")[2]["Content-Security-Policy"]
