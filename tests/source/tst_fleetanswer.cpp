// SPDX-License-Identifier: GPL-3.0-or-later
// What a query API answers, as text.
#include "core/source/fleetanswer.h"

#include <QTest>

#include <cmath>

using namespace poolscope;

namespace {

struct Counted final : MetricTaker
{
    void take(const MetricSample& sample) override
    {
        names.push_back(std::string(sample.name));
        values.push_back(sample.value);
    }
    std::vector<std::string> names;
    std::vector<double> values;
};

std::string vectorOf(const std::string& result, const std::string& more = {})
{
    return R"({"status":"success","data":{"resultType":"vector","result":[)" + result + "]}" +
           more + "}";
}

} // namespace

class TestFleetAnswer : public QObject
{
    Q_OBJECT
private slots:
    void readsAnswers();
    void awkwardAnswers_data();
    void awkwardAnswers();
    void readsRanges();
    void readsScraped();
};

void TestFleetAnswer::readsAnswers()
{
    FleetReader reader;
    Counted taken;
    QVERIFY(reader.read_instant(
        vectorOf(R"({"metric":{"__name__":"a","x":"1"},"value":[1795271320.4,"2.5e1"]},)"
                 R"({"metric":{"__name__":"a","x":"2"},"value":[1795271320,"NaN"]},)"
                 R"({"metric":{"__name__":"a","x":"1"},"value":[1795271320,"9"]},)"
                 R"({"metric":{"__name__":"b"},"value":[1795271320,"+Inf"]})"),
        taken));
    QCOMPARE(taken.names, (std::vector<std::string>{"a", "a", "b"}));
    QCOMPARE(taken.values[0], 25.0);
    QVERIFY(std::isnan(taken.values[1]) && std::isinf(taken.values[2]));
    QCOMPARE(reader.figures().series, 3U);
    QCOMPARE(reader.figures().duplicates, 1U);
    // The same once more, in the next answer of the same poll.
    QVERIFY(reader.read_instant(
        vectorOf(R"({"metric":{"__name__":"b","replica":"2"},"value":[1795271320,"1"]})"), taken));
    QCOMPARE(reader.figures().duplicates, 2U);
}

void TestFleetAnswer::awkwardAnswers_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<bool>("readable");
    QTest::addColumn<int>("unreadable");
    const auto row = [](const char* name, const std::string& json, bool readable, int bad) {
        QTest::newRow(name) << QByteArray::fromStdString(json) << readable << bad;
    };
    row("nothing", "", false, 0);
    row("cut", R"({"status":"success","data":{"resultType":"vec)", false, 0);
    row("array", "[1,2]", false, 0);
    row("status", R"({"data":{"resultType":"vector","result":[]}})", false, 0);
    row("matrix", R"({"status":"success","data":{"resultType":"matrix","result":[]}})", false, 0);
    row("error", R"({"status":"error","errorType":"x","error":"y"})", false, 0);
    row("deep", std::string(5000, '['), false, 0);
    row("result", R"({"status":"success","data":{"resultType":"vector","result":{}}})", false, 0);
    row("empty", vectorOf(""), true, 0);
    row("no metric", vectorOf(R"({"value":[1,"1"]})"), true, 1);
    row("no name", vectorOf(R"({"metric":{"a":"b"},"value":[1,"1"]})"), true, 1);
    row("label", vectorOf(R"({"metric":{"__name__":"a","b":1},"value":[1,"1"]})"), true, 1);
    row("no value", vectorOf(R"({"metric":{"__name__":"a"}})"), true, 1);
    row("histogram", vectorOf(R"({"metric":{"__name__":"a"},"histogram":[1,{}]})"), true, 1);
    row("number", vectorOf(R"({"metric":{"__name__":"a"},"value":[1,1]})"), true, 1);
    row("three", vectorOf(R"({"metric":{"__name__":"a"},"value":[1,"1",2]})"), true, 1);
    row("time", vectorOf(R"({"metric":{"__name__":"a"},"value":[1e300,"1"]})"), true, 1);
    row("text", vectorOf(R"("x",7,null)"), true, 3);
    std::string labels;
    for (int i = 0; i < 65; ++i)
        labels += ",\"l" + std::to_string(i) + "\":\"v\"";
    row("labels", vectorOf(R"({"metric":{"__name__":"a")" + labels + R"(},"value":[1,"1"]})"), true,
        1);
}

void TestFleetAnswer::awkwardAnswers()
{
    QFETCH(QByteArray, json);
    QFETCH(bool, readable);
    QFETCH(int, unreadable);
    FleetReader reader;
    Counted taken;
    QCOMPARE(static_cast<bool>(reader.read_instant(json.toStdString(), taken)), readable);
    QCOMPARE(static_cast<int>(reader.figures().unreadable), unreadable);
    QVERIFY(taken.names.empty());
    QVERIFY(read_scraped(json.toStdString()).empty());
}

void TestFleetAnswer::readsRanges()
{
    FleetReader reader;
    std::vector<std::pair<std::int64_t, double>> points;
    QVERIFY(reader.read_range(
        R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"a"},)"
        R"("values":[[100,"1"],[115.5,"2"],["x","3"]]}]}})",
        [&](Timestamp at, const MetricSample& sample) {
            points.emplace_back(to_us(at), sample.value);
        }));
    QCOMPARE(points, (std::vector<std::pair<std::int64_t, double>>{{100'000'000, 1.0},
                                                                   {115'500'000, 2.0}}));
}

void TestFleetAnswer::readsScraped()
{
    const auto one = [](const char* instance, const char* url) {
        return std::string(R"({"labels":{"job":"j","instance":")") + instance +
               R"("},"scrapeUrl":")" + url + "\"}";
    };
    const ScrapedTargets read =
        read_scraped(R"({"status":"success","data":{"activeTargets":[)" + one("a", "http://a/1") +
                     "," + one("b", "http://b/1") + "," + one("b", "http://b/2") + "," +
                     one("c", "") + R"(,7,{"labels":3}]}})");
    QCOMPARE(read.size(), 1U);
    QCOMPARE(read.at({"j", "a"}), std::string("http://a/1"));
}

QTEST_GUILESS_MAIN(TestFleetAnswer)
#include "tst_fleetanswer.moc"
