// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/checkfile.h"
#include "core/analyze/checktext.h"

#include <QTest>

#include <algorithm>
#include <chrono>
#include <random>

using namespace poolscope;

namespace {

std::string setting(const Pool& pool, const std::string& name)
{
    for (const auto& [known, value] : pool.configuration) {
        if (known == name)
            return value;
    }
    return "-";
}

bool says(const ConfigFile& file, const std::string& words)
{
    return std::any_of(file.notes.begin(), file.notes.end(), [&](const std::string& note) {
        return note.find(words) != std::string::npos;
    });
}

/// The rules that the pools of a file raise.
std::string rules(const ConfigFile& file)
{
    CheckTarget target;
    target.info.id = TargetId{1};
    target.pools = file.pools;
    target.from_file = true;
    std::string all;
    for (const ConfigFinding& each : check_configuration({{target}, {}, {}}).findings)
        all += (all.empty() ? "" : " ") + each.rule;
    return all;
}

Result<ConfigFile> properties(const std::string& text)
{
    return read_config_file("conf/app.properties", ConfigFormat::properties, text);
}

} // namespace

class TestCheckFile : public QObject
{
    Q_OBJECT
private slots:
    void hikariProperties();
    void escapesOfProperties_data();
    void escapesOfProperties();
    void dbcp2Properties();
    void springProperties();
    void springYaml();
    void yamlThatIsNotSimple();
    void pgbouncerIni();
    void whatIsNotUnderstoodIsSaid();
    void errorsNameTheLine_data();
    void errorsNameTheLine();
    void secretsAreNotKept();
    void placesAreNamed();
    void hostileFiles();
};

void TestCheckFile::hikariProperties()
{
    const auto read = properties("# the shop\n"
                                 "jdbcUrl=jdbc:postgresql://db1:5433/shop?user=u&password=geheim\n"
                                 "poolName = orders\n"
                                 "maximumPoolSize: 40\n"
                                 "maxLifetime 600000\n"
                                 "leakDetectionThreshold=900000\n");
    QVERIFY(read);
    QCOMPARE(read.value().pools.size(), std::size_t{1});
    const Pool& pool = read.value().pools.front();
    QCOMPARE(pool.name.str(), std::string("orders"));
    QCOMPARE(pool.kind.str(), std::string("hikaricp"));
    QCOMPARE(pool.database.str(), std::string("postgresql://db1:5433/shop"));
    QCOMPARE(setting(pool, "maximumPoolSize"), std::string("40"));
    QCOMPARE(setting(pool, "maxLifetime"), std::string("600000"));
    QCOMPARE(rules(read.value()), std::string("leak_detection_off"));
    // Its twin.
    const auto good = properties("poolName=orders\nmaxLifetime=600000\n"
                                 "leakDetectionThreshold=60000\n");
    QCOMPARE(rules(good.value()), std::string());
}

void TestCheckFile::escapesOfProperties_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("key");
    QTest::addColumn<QByteArray>("value");
    QTest::newRow("equals") << QByteArray("a=b") << QByteArray("a") << QByteArray("b");
    QTest::newRow("colon") << QByteArray("a:b") << QByteArray("a") << QByteArray("b");
    QTest::newRow("blank") << QByteArray("  a \t b c") << QByteArray("a") << QByteArray("b c");
    QTest::newRow("blank and equals") << QByteArray("a = b") << QByteArray("a") << QByteArray("b");
    QTest::newRow("two equals") << QByteArray("a==b") << QByteArray("a") << QByteArray("=b");
    QTest::newRow("escaped key") << QByteArray("a\\=b\\:c\\ d=e") << QByteArray("a=b:c d")
                                 << QByteArray("e");
    QTest::newRow("unicode") << QByteArray("a=\\u00e9\\u20ac") << QByteArray("a")
                             << QByteArray("\xC3\xA9\xE2\x82\xAC");
    QTest::newRow("continued") << QByteArray("a=b\\\n   c\\\r\n d") << QByteArray("a")
                               << QByteArray("bcd");
    QTest::newRow("not continued")
        << QByteArray("a=b\\\\\nc=d") << QByteArray("a") << QByteArray("b\\");
    QTest::newRow("a comment is not continued")
        << QByteArray("#x\\\na=b") << QByteArray("a") << QByteArray("b");
    QTest::newRow("a comment at the end is none")
        << QByteArray("a=b # c") << QByteArray("a") << QByteArray("b # c");
    QTest::newRow("no value") << QByteArray("a") << QByteArray("a") << QByteArray("");
    QTest::newRow("mark") << QByteArray("\xEF\xBB\xBF"
                                        "a=b")
                          << QByteArray("a") << QByteArray("b");
    QTest::newRow("continued to the end")
        << QByteArray("a=b\\") << QByteArray("a") << QByteArray("b");
}

void TestCheckFile::escapesOfProperties()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, key);
    QFETCH(QByteArray, value);
    const auto read = read_properties(text.toStdString());
    QVERIFY(read);
    QVERIFY(!read.value().entries.empty());
    QCOMPARE(QByteArray::fromStdString(read.value().entries.front().key), key);
    QCOMPARE(QByteArray::fromStdString(read.value().entries.front().value), value);
}

void TestCheckFile::dbcp2Properties()
{
    const auto read = properties("url=jdbc:mysql://db2/druid\nmaxTotal=-1\nmaxWaitMillis=-1\n"
                                 "removeAbandonedOnBorrow=true\nusername=u\npassword=p\n");
    QVERIFY(read);
    const Pool& pool = read.value().pools.at(0);
    QCOMPARE(pool.name.str(), std::string("app.properties"));
    QCOMPARE(pool.database.str(), std::string("mysql://db2:3306/druid"));
    QCOMPARE(rules(read.value()),
             std::string("unlimited_size no_acquire_timeout abandoned_closes_busy"));
    QVERIFY(says(read.value(), "3 other settings"));
    // What it does not name has its default: it waits for ever.
    QCOMPARE(rules(properties("maxTotal=8\n").value()), std::string("no_acquire_timeout"));
    QCOMPARE(rules(properties("maxTotal=8\nmaxWaitMillis=5000\n").value()), std::string());
}

void TestCheckFile::springProperties()
{
    const auto read = properties("spring.application.name=shop\n"
                                 "spring.datasource.url=jdbc:postgresql://db1/shop\n"
                                 "spring.datasource.hikari.maximum-pool-size=5\n"
                                 "spring.datasource.hikari.minimumIdle=9\n"
                                 "spring.datasource.hikari.pool-name=orders\n");
    QVERIFY(read);
    QCOMPARE(read.value().pools.size(), std::size_t{1});
    const Pool& pool = read.value().pools.front();
    QCOMPARE(pool.name.str(), std::string("orders"));
    QCOMPARE(setting(pool, "maximumPoolSize"), std::string("5"));
    QCOMPARE(pool.database.str(), std::string("postgresql://db1:5432/shop"));
    QCOMPARE(rules(read.value()), std::string("min_over_max"));
    const auto tomcat = properties("spring.datasource.tomcat.max-active=20\n"
                                   "spring.datasource.tomcat.test-on-borrow=true\n"
                                   "spring.datasource.tomcat.remove-abandoned=true\n");
    QCOMPARE(tomcat.value().pools.front().kind.str(), std::string("tomcat-jdbc"));
    QCOMPARE(rules(tomcat.value()), std::string("abandoned_closes_busy"));
    // Spring Boot turns the test on where nobody turns it off.
    QCOMPARE(rules(properties("spring.datasource.tomcat.max-active=20\n").value()), std::string());
    QCOMPARE(rules(properties("spring.datasource.tomcat.test-on-borrow=false\n").value()),
             std::string("no_validation"));
    // Which pool it gets depends on what is on the class path.
    const auto bare = properties("spring.datasource.url=jdbc:postgresql://db1/shop\n");
    QVERIFY(bare);
    QVERIFY(bare.value().pools.empty());
    QVERIFY(says(bare.value(), "not which pool"));
}

void TestCheckFile::springYaml()
{
    const std::string text = "# shop\n"
                             "spring:\n"
                             "  datasource:\n"
                             "    url: \"jdbc:postgresql://db1:5432/shop\" # here\n"
                             "    hikari:\n"
                             "      maximum-pool-size: 5\n"
                             "      minimum-idle: 9 # too many\n"
                             "      pool-name: 'orders'\n"
                             "  profiles:\n"
                             "    include:\n"
                             "    - local\n"
                             "    - name: x\n"
                             "      hikari: y\n"
                             "logging.level.root: INFO\n"
                             "banner: |\n"
                             "  any: text: here\n"
                             "  without colons\n"
                             "server:\n"
                             "  port: 8080\n"
                             "---\n"
                             "spring.datasource.hikari.maximum-pool-size: 50\n";
    const auto read = read_config_file("application.yml", ConfigFormat::yaml, text);
    QVERIFY2(read, read ? "" : read.error().sentence.c_str());
    QCOMPARE(read.value().pools.size(), std::size_t{1});
    const Pool& pool = read.value().pools.front();
    QCOMPARE(pool.name.str(), std::string("orders"));
    QCOMPARE(setting(pool, "maximumPoolSize"), std::string("5"));
    QCOMPARE(setting(pool, "minimumIdle"), std::string("9"));
    QCOMPARE(pool.database.str(), std::string("postgresql://db1:5432/shop"));
    QCOMPARE(rules(read.value()), std::string("min_over_max"));
    QVERIFY(says(read.value(), "application.yml, line 20: a second document"));
    const auto flat = read_config_file("a.yaml", ConfigFormat::yaml,
                                       "spring.datasource.hikari.maximum-pool-size: 7\n");
    QCOMPARE(setting(flat.value().pools.front(), "maximumPoolSize"), std::string("7"));
}

void TestCheckFile::yamlThatIsNotSimple()
{
    const auto read = [](const std::string& text) {
        return read_config_file("a.yml", ConfigFormat::yaml, text);
    };
    const std::string begin = "spring:\n  datasource:\n    hikari:\n      minimum-idle: 3\n";
    for (const char* const value :
         {"${POOL:10}", "*size", "&size 10", "!!int 10", "{a: 1}", "[1]", "\"1\\x30\"", "'10"}) {
        const auto file = read(begin + "      maximum-pool-size: " + value + "\n");
        QVERIFY2(file, value);
        QVERIFY2(says(file.value(), "a.yml, line 5: the value of maximumPoolSize"), value);
        // Not even its default counts then.
        QCOMPARE(rules(file.value()), std::string());
    }
    QVERIFY(!read("spring:\n\thikari: 3\n"));
    QVERIFY(!read("spring:\n  datasource\n"));
}

void TestCheckFile::pgbouncerIni()
{
    const auto read = read_config_file("pgbouncer.ini", ConfigFormat::ini,
                                       ";; the pooler\n"
                                       "[databases]\n"
                                       "shop = host=10.0.0.5 port=6000 dbname='shop db' "
                                       "pool_size=7 password=geheim\n"
                                       "bills = host=10.0.0.5\n"
                                       "* =\n"
                                       "[pgbouncer]\n"
                                       "pool_mode = transaction\n"
                                       "default_pool_size = 30\n"
                                       "query_wait_timeout = 0\n"
                                       "auth_file = /etc/userlist.txt\n"
                                       "%include other.ini\n");
    QVERIFY2(read, read ? "" : read.error().sentence.c_str());
    const ConfigFile& file = read.value();
    QCOMPARE(file.pools.size(), std::size_t{3});
    QCOMPARE(file.pools[0].database.str(), std::string("10.0.0.5:6000/shop db"));
    QCOMPARE(setting(file.pools[0], "pool_size"), std::string("7"));
    QCOMPARE(setting(file.pools[1], "default_pool_size"), std::string("30"));
    QCOMPARE(file.pools[2].name.str(), std::string("*"));
    QVERIFY(says(file, "line 11: another file is included"));
    QCOMPARE(rules(file), std::string("no_acquire_timeout no_acquire_timeout no_acquire_timeout"));
}

void TestCheckFile::whatIsNotUnderstoodIsSaid()
{
    const auto typo = properties("maximumPoolsize=5\npoolName=x\nmaximumPoolSize=6\n");
    QVERIFY(says(typo.value(), "line 1: is maximumPoolSize meant?"));
    QCOMPARE(setting(typo.value().pools.front(), "maximumPoolSize"), std::string("6"));
    const auto twice = properties("maximumPoolSize=5\nmaximumPoolSize=6\n");
    QVERIFY(says(twice.value(), "line 2: maximumPoolSize stands there a second time"));
    QCOMPARE(setting(twice.value().pools.front(), "maximumPoolSize"), std::string("6"));
    const auto words = properties("maximumPoolSize=many\n");
    QVERIFY(says(words.value(), "line 1: the value of maximumPoolSize cannot be read"));
    const auto both = properties("maximumPoolSize=5\nmaxTotal=6\n");
    QVERIFY(both.value().pools.empty());
    QVERIFY(says(both.value(), "of HikariCP and of DBCP 2"));
    const auto other = properties("log4j.rootLogger=INFO\n");
    QVERIFY(!other);
    QVERIFY(other.error().sentence.find("conf/app.properties, line 1") == 0);
}

void TestCheckFile::errorsNameTheLine_data()
{
    QTest::addColumn<int>("format");
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("line");
    const auto row = [](const char* name, ConfigFormat format, const QByteArray& text, int line) {
        QTest::newRow(name) << static_cast<int>(format) << text << line;
    };
    row("a broken escape", ConfigFormat::properties, "a=b\nc=\\u12g4\n", 2);
    row("a cut escape", ConfigFormat::properties, "a=\\u12", 1);
    row("zero", ConfigFormat::properties, QByteArray("a\0b", 3), 1);
    row("a tab", ConfigFormat::yaml, "a: 1\n\tb: 2\n", 2);
    row("no colon", ConfigFormat::yaml, "a: 1\nb\n", 2);
    row(
        "too deep", ConfigFormat::yaml,
        [] {
            QByteArray text;
            for (int i = 0; i < 100; ++i)
                text += QByteArray(i, ' ') + "k:\n";
            return text;
        }(),
        66);
    row("a section", ConfigFormat::ini, "[a]\n[b\n", 2);
    row("no equals", ConfigFormat::ini, "[a]\nb\n", 2);
    row("too long", ConfigFormat::ini, QByteArray((1 << 20) + 1, 'a'), 1);
}

void TestCheckFile::errorsNameTheLine()
{
    QFETCH(int, format);
    QFETCH(QByteArray, text);
    QFETCH(int, line);
    const auto read =
        read_config_file("x.conf", static_cast<ConfigFormat>(format), text.toStdString());
    QVERIFY(!read);
    const std::string begins = "x.conf, line " + std::to_string(line) + ": ";
    QVERIFY2(read.error().sentence.starts_with(begins), read.error().sentence.c_str());
}

void TestCheckFile::secretsAreNotKept()
{
    const auto kept = [](const Result<ConfigFile>& read) {
        std::string all;
        for (const std::string& note : read.value().notes)
            all += note;
        for (const Pool& pool : read.value().pools) {
            all += pool.name.str() + pool.database.str();
            for (const auto& [name, value] : pool.configuration)
                all += name + value;
        }
        return all.find("geheim") != std::string::npos;
    };
    QVERIFY(!kept(properties("password=geheim\nmaximumPoolSize=3\n"
                             "jdbcUrl=jdbc:postgresql://u:geheim@db/s?password=geheim\n"
                             "dataSource.password=geheim\n")));
    QVERIFY(!kept(properties("spring.datasource.hikari.password=geheim\n"
                             "spring.datasource.password=geheim\n"
                             "spring.datasource.url=jdbc:mysql://u:geheim@db/s\n")));
    QVERIFY(!kept(read_config_file("p.ini", ConfigFormat::ini,
                                   "[databases]\na=host=h password=geheim\n"
                                   "[pgbouncer]\nadmin_password=geheim\n")));
}

void TestCheckFile::placesAreNamed()
{
    const auto read = properties("poolName=orders\n\nmaxLifetime=600000\n"
                                 "leakDetectionThreshold=900000\n");
    ConfigFinding finding;
    finding.pool = Text{std::string("orders")};
    finding.setting = "leakDetectionThreshold";
    QCOMPARE(place_in_file(read.value(), "app.properties", finding),
             std::string("app.properties, line 4"));
    finding.setting = "maximumPoolSize";
    QCOMPARE(place_in_file(read.value(), "app.properties", finding), std::string());
}

/// Whatever stands there: an error or an answer, bounded.
void TestCheckFile::hostileFiles()
{
    const std::vector<std::string> seeds{
        "jdbcUrl=jdbc:postgresql://db1/shop\nmaximumPoolSize=4\nmaxLifetime=1\n",
        "spring:\n  datasource:\n    hikari:\n      maximum-pool-size: 5\n    - a\n  x: |\n   y\n",
        "[databases]\nshop = host=h port=1 dbname='a b'\n[pgbouncer]\npool_mode = session\n"};
    const std::string odd = "\\:=#!'\"[]{}&*|>-\n\r\t \x01\x7f\xff\xC3u0e9$%";
    std::mt19937 random{20261122};
    int answers = 0;
    for (int round = 0; round < 2000; ++round) {
        std::string text = seeds[random() % seeds.size()];
        for (auto i = random() % 12; i > 0; --i) {
            const std::size_t at = random() % (text.size() + 1);
            if (random() % 3 == 0 && !text.empty())
                text.erase(at, random() % 9);
            else
                text.insert(at, std::string(1 + random() % 3, odd[random() % odd.size()]));
        }
        for (const ConfigFormat format :
             {ConfigFormat::properties, ConfigFormat::yaml, ConfigFormat::ini}) {
            const auto read = read_config_file("x", format, text);
            if (!read) {
                QVERIFY(read.error().sentence.starts_with("x, line "));
                continue;
            }
            ++answers;
            rules(read.value());
            QVERIFY(read.value().pools.size() <= 256 && read.value().notes.size() <= 50);
            for (const std::string& note : read.value().notes)
                QVERIFY(note.find_first_of("\n\x01\x1b") == std::string::npos);
        }
    }
    QVERIFY(answers > 500);
    // One line without end, of nothing but what might continue it: read once, not once for each.
    std::string endless = "maxTotal=";
    while (endless.size() < 1'000'000)
        endless += "\\\\\\\n";
    const auto begun = std::chrono::steady_clock::now();
    (void)properties(endless + "8\n");
    QVERIFY(std::chrono::steady_clock::now() - begun < std::chrono::seconds{5});
    std::string many = "[databases]\n";
    for (int i = 0; i < 15000; ++i)
        many += "d" + std::to_string(i) + " = pool_size=x\n";
    const auto read = read_config_file("x", ConfigFormat::ini, many);
    QVERIFY(read);
    QVERIFY(read.value().pools.size() <= 256 && read.value().notes.size() <= 50);
}

QTEST_APPLESS_MAIN(TestCheckFile)
#include "tst_checkfile.moc"
