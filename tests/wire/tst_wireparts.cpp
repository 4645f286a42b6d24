// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/wire/command.h"
#include "core/wire/jsontext.h"
#include "core/wire/limits.h"
#include "core/wire/places.h"
#include "core/wire/sha256.h"

#include <QTest>

#include <map>

using namespace poolscope;
using namespace poolscope::wire;

namespace {

QString hex(const Digest& digest)
{
    return QString::fromStdString(to_hex(digest));
}

} // namespace

class TestWireParts : public QObject
{
    Q_OBJECT
private slots:
    void sha256Vectors();
    void hmacVectors();
    void comparesInConstantTime();
    void readsCommands();
    void refusesWhatIsNoCommand();
    void placesInOrder();
    void socketNames();
    void listenAddresses();
    void utf8();
};

/// NIST's example values for SHA-256 ("Secure Hash Standard", and one million times "a").
void TestWireParts::sha256Vectors()
{
    QCOMPARE(hex(sha256("")),
             QStringLiteral("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    QCOMPARE(hex(sha256("abc")),
             QStringLiteral("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    QCOMPARE(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
             QStringLiteral("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
    QCOMPARE(hex(sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjk"
                        "lmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")),
             QStringLiteral("cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"));
    Sha256 many;
    for (int i = 0; i < 1000; ++i)
        many.add(std::string(1000, 'a'));
    QCOMPARE(hex(many.finish()),
             QStringLiteral("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

/// RFC 4231, test cases 1, 2, 3, 6 and 7.
void TestWireParts::hmacVectors()
{
    QCOMPARE(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
             QStringLiteral("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"));
    QCOMPARE(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
             QStringLiteral("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    QCOMPARE(hex(hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd'))),
             QStringLiteral("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"));
    QCOMPARE(hex(hmac_sha256(std::string(131, '\xaa'),
                             "Test Using Larger Than Block-Size Key - Hash Key First")),
             QStringLiteral("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
    QCOMPARE(hex(hmac_sha256(std::string(131, '\xaa'),
                             "This is a test using a larger than block-size key and a larger than "
                             "block-size data. The key needs to be hashed before being used by the "
                             "HMAC algorithm.")),
             QStringLiteral("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"));
}

void TestWireParts::comparesInConstantTime()
{
    QVERIFY(equal_in_constant_time("", ""));
    QVERIFY(equal_in_constant_time("abc", "abc"));
    QVERIFY(!equal_in_constant_time("abc", "abd"));
    QVERIFY(!equal_in_constant_time("abc", "abcd"));
}

void TestWireParts::readsCommands()
{
    Command command;
    QVERIFY(read_command(R"({"k":"reclaim","n":7,"id":"x\u002f1","pool":"a\"b"})", command));
    QCOMPARE(command.kind, std::string("reclaim"));
    QCOMPARE(command.n, std::uint64_t{7});
    QCOMPARE(command.id, std::string("x/1"));
    QCOMPARE(command.pool, std::string("a\"b"));
    QVERIFY(read_command(
        R"( { "n" : 1 , "new":[{"k":"no"},[1,2,"]"]], "other":null, "k":"ping", "id":5 } )",
        command));
    QCOMPARE(command.kind, std::string("ping"));
    QCOMPARE(command.id, std::string());
    QVERIFY(read_command("{\"k\":\"want\",\"n\":2,\"brief\":true}", command));
    QVERIFY(command.brief);
    for (const char* const other :
         {"false", "null", "1", "\"true\"", "[true]", "{\"brief\":true}"}) {
        const std::string line = std::string("{\"k\":\"want\",\"n\":2,\"brief\":") + other + "}";
        QVERIFY2(read_command(line, command) && !command.brief, other);
    }
    QVERIFY(!read_command("{\"k\":\"want\",\"n\":2,\"brief\":}", command));
}

void TestWireParts::refusesWhatIsNoCommand()
{
    Command command;
    const std::string deep = "{\"k\":\"ping\",\"n\":1,\"x\":" + std::string(30'000, '[') +
                             std::string(30'000, ']') + "}";
    QVERIFY(read_command(deep, command)); // deep, but sound, and no recursion
    const std::vector<std::string> bad{
        "",
        "{",
        "}",
        "{}",
        "[]",
        "ping",
        "{\"k\":\"ping\"}",
        "{\"n\":1}",
        "{\"k\":\"ping\",\"n\":-1}",
        "{\"k\":\"ping\",\"n\":1.5}",
        "{\"k\":\"ping\",\"n\":\"1\"}",
        "{\"k\":\"ping\",\"n\":9007199254740992}",
        "{\"k\":\"ping\",\"n\":1",
        "{\"k\":\"ping",
        "{\"k\":\"pi\\qng\",\"n\":1}",
        "{\"k\":\"pi\nng\",\"n\":1}",
        "{\"k\":\"\xff\",\"n\":1}",
        "{\"k\":\"ping\",\"n\":1}x",
        "{\"k\":\"ping\\",
        "{\"k\":\"ping\",\"n\":1,\"x\":[}",
        "{\"k\":\"reclaim\",\"n\":1,\"id\":\"" + std::string(max_id + 1, 'x') + "\"}",
        "{\"k\":\"ping\",\"n\":1,\"x\":\"" + std::string(max_line, 'x') + "\"}",
    };
    for (const std::string& line : bad)
        QVERIFY2(!read_command(line, command), line.substr(0, 60).c_str());
}

void TestWireParts::placesInOrder()
{
    const std::map<std::string, std::string, std::less<>> set{
        {"RUNTIME_DIRECTORY", "/run/shop:/run/other"},
        {"XDG_RUNTIME_DIR", "/run/user/7"},
        {"TMPDIR", "/var/scratch/"}};
    const auto environment = [&](std::string_view name) {
        const auto found = set.find(name);
        return found == set.end() ? std::string() : found->second;
    };
    const std::vector<Place> wanted{{"/run/shop", false, false},
                                    {"/run/user/7/poolscope", true, false},
                                    {"/run/poolscope", false, false},
                                    {"/var/scratch/poolscope-7", true, true}};
    QVERIFY(runtime_places(environment, 7) == wanted);
    // A relative path is none.
    const auto relative = [](std::string_view name) {
        return std::string(name == "XDG_RUNTIME_DIR" ? "here" : "");
    };
    QCOMPARE(runtime_places(relative, 7).front().folder, std::string("/run/poolscope"));
}

void TestWireParts::socketNames()
{
    QCOMPARE(socket_name(42, "shop", 1), std::string("42-shop.sock"));
    QCOMPARE(socket_name(42, "a/../b c\xc3\xa4", 2), std::string("42-a_.._b_c__-2.sock"));
    QCOMPARE(socket_name(42, "", 1), std::string("42-pool.sock"));
    QCOMPARE(socket_name(1, std::string(99, 'x'), 1).size(), std::size_t{2 + 32 + 5});
    QCOMPARE(pid_of_socket("42-shop.sock").value_or(0), std::int64_t{42});
    for (const char* const name :
         {"shop.sock", "-1-shop.sock", "42-shop", "x42-a.sock", "0-a.sock"})
        QVERIFY2(!pid_of_socket(name), name);
}

void TestWireParts::listenAddresses()
{
    using Kind = Listen::Kind;
    QVERIFY(parse_listen("") == Listen{});
    QVERIFY((parse_listen("off") == Listen{Kind::off, "", "", 0}));
    QVERIFY((parse_listen("/run/a.sock") == Listen{Kind::unix_socket, "/run/a.sock", "", 0}));
    QVERIFY((parse_listen("unix:/run/a.sock") == Listen{Kind::unix_socket, "/run/a.sock", "", 0}));
    QVERIFY((parse_listen("127.0.0.1:7007") == Listen{Kind::tcp, "", "127.0.0.1", 7007}));
    QVERIFY((parse_listen("tcp:[::1]:0") == Listen{Kind::tcp, "", "::1", 0}));
    for (const char* const text : {"host", ":1", "h:70000", "h:-1", "h:1x", "unix:relative"})
        QVERIFY2(parse_listen(text).kind == Kind::invalid, text);
    QVERIFY(parse_listen("/" + std::string(107, 'a')).kind == Kind::invalid);
}

void TestWireParts::utf8()
{
    QVERIFY(valid_utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
    for (const char* const text : {"\xc3", "\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
                                   "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"})
        QVERIFY(!valid_utf8(text));
    std::string out;
    QVERIFY(unescape(R"(\ud83d\ude00 \ud83d \ude00 \n\/)", out));
    QCOMPARE(out, std::string("\xf0\x9f\x98\x80 \xef\xbf\xbd \xef\xbf\xbd \n/"));
    for (const char* const text : {"\\", "\\u12", "\\u12g4", "\\x41", "\\u+123"})
        QVERIFY2(!unescape(text, out), text);
}

QTEST_APPLESS_MAIN(TestWireParts)
#include "tst_wireparts.moc"
