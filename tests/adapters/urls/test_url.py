"""Server URLs: each form is parsed, each error is named, and no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from streamroute.adapters.urls.problems import problem_of
from streamroute.adapters.urls.redaction import redact, redact_written
from streamroute.adapters.urls.url import read_address
from streamroute.adapters.urls.url_forms import PARAMETERS, PERCENT, SCHEMES
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
        "rediss://redis.example.org:6380/1?ssl_ca_certs=/etc/ca.pem",
        "rediss+sentinel://a,b:1/main?ssl_ca_certs=/etc/ca.pem",
        "redis+cluster://a",
        "redis+cluster://a:1,[::1]:2/0?db=0",
        "redis+cluster://a:1,b:65535",
        "rediss+cluster://a,b/?socket_timeout=5",
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
        ("", "is empty; write redis://HOST:PORT/DB"),
        (" ", "is blank; write redis://HOST:PORT/DB"),
        ("redis://localhost\n", "begins or ends with a space or a line break; remove it"),
        ("'redis://localhost'", "begins with a quote; remove the quotes"),
        ("$REDIS_URL", "contains the name of a variable that was not replaced; write it as ${REDIS_URL}"),
        ("{REDIS_URL}", "write it as ${REDIS_URL}"),
        ("%REDIS_URL%", "write it as ${REDIS_URL}"),
        ("{{ redis_url }}", "write it as ${REDIS_URL}"),
        ("redis://${HOST}:6379", "write it as ${REDIS_URL}"),
        ("localhost:6379", "'localhost:6379', has no scheme; write redis://HOST:PORT"),
        ("localhost", "has no scheme; write redis://HOST:PORT, or rediss:// for TLS"),
        ("shop:hunter2@redis.example.org:6379", "has no scheme; write redis://HOST:PORT"),
        (":hunter2@redis:6379/0", "has no scheme; write redis://HOST:PORT"),
        ("/run/redis.sock", "has no scheme; the path of a socket is written unix:///PATH"),
        ("none", "has no scheme; write redis://HOST:PORT/DB, rediss://"),
        ("http://localhost", "has an unknown scheme; did you mean redis://?"),
        ("https://localhost", "did you mean rediss://?"),
        ("redis+tls://localhost", "did you mean rediss://?"),
        ("REDIS://localhost", "did you mean redis://?"),
        ("redis//localhost", "did you mean redis://?"),
        ("reds://localhost", "did you mean redis://?"),
        ("redsi://localhost", "did you mean redis://?"),
        ("sentinel://a/main", "did you mean redis+sentinel://?"),
        ("valkeys://localhost", "did you mean rediss://?"),
        ("embeded", "did you mean embedded?"),
        ("Embedded", "did you mean embedded?"),
        ("embedded://data", "has slashes before its folder; write embedded:DIR"),
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
        ("redis+sentinel://u:p/w@a/main", "@ as %40"),
        ("redis+sentinal://a/main", "did you mean redis+sentinel://?"),
        ("redis+sentinel://a/main?sentinel_pasword=x", 'did you mean "sentinel_password"?'),
        ("redis://a?sentinel_password=x", "has an unexpected parameter"),
        ("redis+cluster://", "names no node; write redis+cluster://HOST:6379,HOST:6379"),
        ("redis+cluster:a", 'has no "//" after its scheme; write redis+cluster://'),
        ("redis+cluster://a,b:0", "has a host or a port that cannot be read"),
        ("redis+cluster://a:65536", "has a host or a port that cannot be read"),
        ("redis+cluster://u:p#w@a", "@ as %40"),
        ("redis+cluster://a/1", "names another database than 0, the only one of a cluster; write redis"),
        ("rediss+cluster://a?db=2", "names another database than 0"),
        ("redis+cluster://a/main", "names another database than 0"),
        ("redis+cluster://a?sentinel_password=x", "has an unexpected parameter"),
        ("redis+clutser://a", "did you mean redis+cluster://?"),
        ("redis:localhost", "'redis:***', has no \"//\" after its scheme; write redis://HOST:PORT"),
        ("redis://", "names no host; write redis://HOST:PORT/DB"),
        (
            "redis://localhost:99999",
            "has a port that is not a number from 1 to 65535; write redis://HOST:6379",
        ),
        ("redis://localhost:0", "has a port that is not a number from 1 to 65535"),
        ("redis://localhost:port", "has a port that is not a number from 1 to 65535"),
        ("redis://shop:hunter2", "write a password before the host: redis://:PASSWORD@HOST"),
        ("redis://[::1", "has a host or a port that cannot be read; an IPv6 address is written [::1]"),
        ("redis://::1:6379", "an IPv6 address needs brackets: redis://[::1]:6379"),
        ("redis://a:6379,b:6379", "names several hosts; write redis+sentinel://"),
        ("redis://<host>:6379", "has a host with a character that host names cannot contain"),
        ("redis://:hunter2%40localhost", "has a port that is not a number from 1"),
        ("redis://hunter2%40localhost", 'has a "%" in its host; write the @ between password and host'),
        *(
            (f"redis://{login}@localhost:6379/0", "in a password, write / as %2F, ? as %3F, # as %23, @ as")
            for login in (":a#b", ":1#b", "u:a/b", ":1/b", ":a?b", ":1?b", ":1?a=b", "u:a#b/c?d@e")
        ),
        ("redis://localhost#0", 'has a "#", and what follows it is ignored'),
        ("redis://localhost/events", "does not end with a database number; write redis://HOST/0"),
        ("redis://localhost/0/1", "does not end with a database number"),
        ("unix://run/redis.sock", "write unix:///path/to/socket, with three slashes"),
        ("unix:", 'has no "//" after its scheme; write unix:///PATH'),
        ("redis://h?pasword=x", 'has an unexpected parameter "pasword"; did you mean "password"?'),
        ("redis://h?decode_responses=1", "has an unexpected parameter; these may be set: db, username"),
        ("redis://h?db=one", 'has a value of "db" that is not a whole number; write db=0'),
        ("redis://h?socket_timeout=5s", 'has a value of "socket_timeout" that is not a number of seconds'),
        ("rediss://h?ssl_cert_reqs=never", "not none, optional or required; write ssl_cert_reqs=required"),
        ("redis://h?max_connections=0", "has max_connections=0; write 2 or more, or leave it out"),
        ("redis://h/0?db=0&max_connections=-00", "has max_connections=0; write 2"),
        ("redis+sentinel://a/main?max_connections=0", "has max_connections=0; write 2"),
        ("redis+cluster://a?max_connections=0", "has max_connections=0; write 2"),
    ],
)
def test_an_invalid_address_is_refused_with_a_suggestion(url: str, message: str) -> None:
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
        ("redis://host?password=hunter2&db=1", "redis://host?password=***"),
        ("redis://host?db=1&pw=hunter#2", "redis://host?db=1&pw=***"),
        ("redis://host?ssl_password=hunter2", "redis://host?ssl_password=***"),
        ("unix://:hunter2@/run/redis.sock", "unix://:***@/run/redis.sock"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("redis://h/0?password=ab&S3cret", "redis://h/0?password=***"),
        ("redis://h/0?password=ab&secret=1", "redis://h/0?password=***"),
        ("redis://h/0?password=a&db=S3cret", "redis://h/0?password=***"),
        ("redis://h/0?password=a&db=12", "redis://h/0?password=***"),
        ("redis://h?auth=a&client_name=S3cret", "redis://h?auth=***"),
        ("redis://h?db=0&ssl_password=a&ssl_certfile=S3cret", "redis://h?db=0&ssl_password=***"),
        ("redis://h?PASSWORD=x&db=S3cret", "redis://h?***"),
        ("redis://h?db=S3cret", "redis://h?db=***"),
        ("redis://h?client_name=a=S3cret&db=0", "redis://h?client_name=***"),
        ("redis://u:p?client_name=S3cret", "redis://u:***"),
        ("redis://u:12/x?client_name=S3cret", "redis://u:12/***"),
        ("redis://S3cret@h", "redis://***@h"),
        ("unix://S3cret@/run/s", "unix://***@/run/s"),
        ("redis+sentinel://S3cret@a,b/main", "redis+sentinel://***@a,b/main"),
        ("S3cret@h:6379", "***@h:6379"),
        ("redis://:?S3cret\\@h", "redis://:***@h"),
        ("redis://h:6379/0?password=p@S3cret", "redis://***"),
        ("redis://h?password=p@S3cret", "redis://***"),
        ("redis://user:6379/S3cret@host", "redis://***"),
        ("redis://u:p@h?password=p@S3cret", "redis://***"),
        ("redis://S3/cret@host", "redis://***"),
        ("redis://:12/S3cret", "redis://:***"),
        ("redis://h/0#S3cret", "redis://h/0#***"),
        ("redis://h?S3cret", "redis://h?***"),
        ("redis://h?S3cret=1", "redis://h?***"),
        ("redis://s3 cret@h", "redis://***@h"),
        ("s3cret", "***"),
        ("s3cret://h", "s3cret://h"),
        ("s3c ret://h", "***://h"),
        ("redis://h?ssl_ca_data=MII", "redis://h?ssl_ca_data=***"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert redact(url) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("${REDIS_URL}", "${REDIS_URL}"),
        ("${REDIS_URL:-redis://:hunter2@h}", "${REDIS_URL}"),
        (
            "redis://${USER}:${PW}@${HOST}:${PORT}/${DB}?client_name=${NAME}&password=${PW}",
            "redis://${USER}:***@${HOST}:${PORT}/${DB}?client_name=${NAME}&password=***",
        ),
        ("redis://:hunter2@${HOST:-hunter2}:6379", "redis://:***@${HOST}:6379"),
        ("redis://hunter2@${HOST}", "redis://***@${HOST}"),
        ("redis://:hunter2$$@h-${ZONE}", "redis://:***@h-${ZONE}"),
        ("rediss+sentinel://${A}:1,${B}/${M}/${D}", "rediss+sentinel://${A}:1,${B}/${M}/${D}"),
        ("unix://${RUN}/redis.sock", "unix://${RUN}/redis.sock"),
        ("embedded:${DIR}", "embedded:${DIR}"),
        ("hunter2${X}", "***"),
    ],
)
def test_a_url_with_variables_is_shown_with_their_names(written: str, shown: str) -> None:
    assert redact_written(written) == shown
    address = read_address("redis://secret.example.org:1/2", folder=FOLDER, written=written)
    assert (str(address), "secret" in repr(address)) == (shown, False)
    with pytest.raises(SetupError) as caught:
        read_address("redis://secret.example.org:x", folder=FOLDER, written=written)
    assert shown in str(caught.value)
    assert "secret" not in str(caught.value)


_FORMS = [
    "redis://:{}@host:6379/0",
    "redis://user:{}@host:6379/0",
    "unix://:{}@/run/redis.sock",
    "redis+sentinel://u:{}@a:1,b:2/main/0",
    "rediss+cluster://u:{}@a:1,[::1]:2/",
    "redis://host:6379/0?password={}",
    "redis://host?db=1&password={}",
    "rediss://h?ssl_password={}&db=2",
    "redis+sentinel://a/main?sentinel_password={}",
    "redis+cluster://a:1,b:2?password={}",
    "redis://user:{}",
    "user:{}@host:6379",
]


@given(st.sampled_from(_FORMS), st.text("aB3$/?#@:&=%+\\[] \u00fc", max_size=30))
@example("redis://:{}@host:6379/0", "12?x@S3cr/et")
@example("redis://host:6379/0?password={}", "ab&S3cret")
@example("redis://host:6379/0?password={}", "ab@S3cret")
def test_no_part_of_an_unusual_password_is_shown(form: str, middle: str) -> None:
    """In any form. The words around it are not part of the password."""
    assume(form != "redis://user:{}" or "@" not in middle)  # otherwise it is a password and a host
    password = f"Qx7z{middle}Wv9k"
    url = form.format(password)
    try:
        shown = str(read_address(url, folder=FOLDER))
    except SetupError as error:
        shown = str(error)
    shown += redact(url)
    public = form.format("") + "".join(PARAMETERS) + PERCENT
    fragments = {password[at : at + 4] for at in range(len(password) - 3)}
    assert not [part for part in fragments if part in shown and part not in public]


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


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(SCHEMES))
def test_errors_quote_no_part_of_the_url(middle: str, scheme: str) -> None:
    """A value from a variable is not shown, not even in part."""
    problem = problem_of(f"{scheme}://hunter{middle}two")
    if problem is not None:
        assert "hunter" not in problem.text + problem.advice
