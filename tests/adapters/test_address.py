"""The URL of a server: each form is understood, each mistake is named, no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.address import read_address, redact
from streamroute.errors import SetupError

FOLDER = Path("/etc/shop")


@pytest.mark.parametrize(
    ("url", "data_folder"),
    [
        ("embedded", "/etc/shop/.streamroute"),
        ("embedded:", "/etc/shop/.streamroute"),
        ("embedded:data", "/etc/shop/data"),
        ("embedded:../data", "/etc/shop/../data"),
        ("embedded:/var/lib/shop", "/var/lib/shop"),
    ],
)
def test_embedded_data_is_beside_the_configuration(url: str, data_folder: str) -> None:
    address = read_address(url, folder=FOLDER)
    assert address.is_embedded
    assert address.data_folder == Path(data_folder)
    assert str(address) == f"embedded:{data_folder}"


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379/0",
        "redis://[::1]:6380/",
        "redis:///3",
        "rediss://shop@redis.example.org:6380/1?ssl_ca_certs=/etc/ca.pem",
        "rediss+sentinel://a,b:1/main?ssl_ca_certs=/etc/ca.pem",
        "redis+cluster://a",
        "redis+cluster://a:1,[::1]:2/0?db=0",
        "redis+cluster://a:1,b:65535",
        "rediss+cluster://shop@a,b/?socket_timeout=5",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=2",
        "redis://h?db=0&max_connections=10",
    ],
)
def test_a_server_of_the_users_own_is_taken_as_it_is(url: str) -> None:
    address = read_address(url, folder=FOLDER)
    assert not address.is_embedded
    assert address.url == str(address) == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "the URL of Redis is empty; write redis://HOST:PORT/DB"),
        ("localhost:6379", "'localhost:6379' is not the URL of a Redis server; write redis://"),
        ("localhost", "'localhost' is not the URL of a Redis server; write redis://"),
        ("reds://localhost", 'did you mean "redis"?'),
        ("valkeys://localhost", 'did you mean "rediss"?'),
        ("embeded", 'did you mean "embedded"?'),
        ("embedded://data", "write embedded:DIR without slashes before it: embedded:data"),
        ("rediss+sentinel://a,b", "does not end with the master's name and the number of a database"),
        (
            "redis+sentinel://a,b",
            "does not end with the master's name and the number of a database; write redis",
        ),
        ("redis+sentinel://a/main/x", "does not end with the master's name"),
        ("redis+sentinel:///main", "names no sentinel; write redis+sentinel://HOST:26379,HOST:26379/NAME/0"),
        ("redis+sentinel://a,:1/main", "has a host or a port that cannot be read"),
        ("redis+sentinel://a:99999/main", "has a host or a port that cannot be read"),
        ("redis+sentinel://[a/main", "has a host or a port that cannot be read"),
        ("redis+sentinal://a/main", 'did you mean "redis+sentinel"?'),
        ("redis+sentinel://a/main?sentinel_pasword=x", 'did you mean "sentinel_password"?'),
        ("redis://a?sentinel_password=x", 'unexpected parameter "sentinel_password"'),
        ("redis+cluster://", "names no node; write redis+cluster://HOST:6379,HOST:6379"),
        ("redis+cluster:a", "names no node; write redis+cluster://"),
        ("redis+cluster://a,b:0", "has a host or a port that cannot be read"),
        ("redis+cluster://a:65536", "has a host or a port that cannot be read"),
        ("redis+cluster://a/1", "asks for another database than 0, and a cluster has no other; write redis"),
        ("rediss+cluster://a?db=2", "asks for another database than 0"),
        ("redis+cluster://a/main", "asks for another database than 0"),
        ("redis+cluster://a?sentinel_password=x", 'unexpected parameter "sentinel_password"'),
        ("redis+clutser://a", 'did you mean "redis+cluster"?'),
        ("redis:localhost", "'redis:localhost' names no host; write redis://HOST:PORT/DB"),
        ("redis://localhost:99999", "its host or port cannot be read"),
        ("redis://[::1", "its host or port cannot be read"),
        ("redis://localhost/events", "does not end with the number of a database; write redis://HOST/0"),
        ("redis://localhost/0/1", "does not end with the number of a database"),
        ("unix://run/redis.sock", "write unix:///path/to/socket, with three slashes"),
        ("unix:", "names no socket"),
        (
            "redis://h?pasword=x",
            "unexpected parameter \"pasword\" in the URL 'redis://h?pasword=***'; did you",
        ),
        ("redis://h?decode_responses=1", 'unexpected parameter "decode_responses"'),
        (
            "redis://h?max_connections=0",
            "max_connections in the URL 'redis://h?max_connections=0' is 0; write 2",
        ),
        ("redis://h/0?db=0&max_connections=-00", "is 0; write 2 or more, or leave it out"),
        ("redis+sentinel://a/main?max_connections=0", "is 0; write 2 or more, or leave it out"),
        ("redis+cluster://a?max_connections=0", "is 0; write 2 or more, or leave it out"),
    ],
)
def test_what_is_no_server_is_refused_with_what_to_write(url: str, message: str) -> None:
    with pytest.raises(SetupError) as caught:
        read_address(url, folder=FOLDER)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hunter2@host:6379/0", "redis://user:***@host:6379/0"),
        ("redis://:hunter2@host", "redis://:***@host"),
        ("redis+sentinel://a:1,[::1]:2/main/0", "redis+sentinel://a:1,[::1]:2/main/0"),
        ("redis+sentinel://u:hunter2@a:1,b:2/main", "redis+sentinel://u:***@a:1,b:2/main"),
        ("redis+sentinel://u:hunter2", "redis+sentinel://u:***"),
        ("rediss+cluster://u:hunter2@a:1,[::1]:2/", "rediss+cluster://u:***@a:1,[::1]:2/"),
        ("redis+cluster://a:1,b:2?password=hunter2", "redis+cluster://a:1,b:2?password=***"),
        ("redis+cluster://u:hunter2", "redis+cluster://u:***"),
        (
            "redis+sentinel://a/main?sentinel_username=s&sentinel_password=hunter2",
            "redis+sentinel://a/main?sentinel_username=s&sentinel_password=***",
        ),
        ("rediss://user:hunter2@[::1]:6380/0", "rediss://user:***@[::1]:6380/0"),
        ("redis://user:hun/ter2@host", "redis://user:***@host"),
        ("redis://user:hun@ter2@host", "redis://user:***@host"),
        ("redis://user:hun\nter2@host", "redis://user:***@host"),
        ("redis://user:hunter2", "redis://user:***"),
        ("user:hunter2@host:6379", "user:***@host:6379"),
        ("redis://host?password=hunter2&db=1", "redis://host?password=***&db=1"),
        ("redis://host?db=1&pw=hunter#2", "redis://host?db=1&pw=***"),
        ("redis://host?ssl_password=hunter2", "redis://host?ssl_password=***"),
        ("unix://:hunter2@/run/redis.sock", "unix://:***@/run/redis.sock"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert redact(url) == shown


@given(
    st.sampled_from(["redis://{}@host:6379/0", "redis://host/0?password={}", "rediss://h?ssl_password={}"]),
    st.text(st.characters(exclude_characters="&=", exclude_categories=["Cs"])),
)
def test_no_password_is_shown_or_named_in_an_error(form: str, middle: str) -> None:
    password = f"hunter{middle}two"
    url = form.format(f"user:{password}" if "@" in form else password)
    try:
        address = read_address(url, folder=FOLDER)
    except SetupError as error:
        shown = str(error)
    else:
        shown = str(address) + repr(address)
    assert password not in shown
    assert "hunter" not in shown
