// SPDX-License-Identifier: GPL-3.0-or-later
// Reading pages of metrics: the formats, and all that is not of them.
#include "core/source/metricstext.h"

#include <QTest>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

using namespace poolscope;

namespace {

struct Taken
{
    std::string name;
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
};

class Taker final : public MetricTaker
{
public:
    void take(const MetricSample& sample) override
    {
        Taken one{std::string(sample.name), {}, sample.value};
        for (const MetricLabel& label : sample.labels)
            one.labels.emplace_back(label.name, label.value);
        all.push_back(one);
    }
    std::vector<Taken> all;
};

struct Read
{
    explicit Read(const std::string& text, std::size_t piece = 1U << 20)
    {
        MetricsReader reader;
        for (std::size_t at = 0; at < text.size(); at += piece)
            reader.feed(std::string_view(text).substr(at, piece), taker);
        reader.finish(taker);
        figures = reader.figures();
        full = reader.is_full();
    }
    const std::vector<Taken>& all() const { return taker.all; }

    Taker taker;
    MetricsFigures figures;
    bool full = false;
};

} // namespace

class TestMetricsText : public QObject
{
    Q_OBJECT
private slots:
    void plainPage();
    void values_data();
    void values();
    void labels();
    void unreadable_data();
    void unreadable();
    void anywhereCut();
    void firstOfDuplicates();
    void endsWithEof();
    void exemplarsAndTimes();
    void namesInQuotes();
    void longLine();
    void longPage();
    void manySeries();
    void manyLabels();
};

void TestMetricsText::plainPage()
{
    const Read page(
        "# HELP up Whether it is.\n# TYPE up gauge\nup 1\n\n# a remark\nup{job=\"a\"} 2");
    QCOMPARE(page.all().size(), 2U);
    QCOMPARE(page.all()[0].name, std::string("up"));
    QVERIFY(page.all()[0].labels.empty());
    QCOMPARE(page.all()[1].value, 2.0);
    QCOMPARE(page.figures.lines, 6U);
    QCOMPARE(page.figures.unmeasured, 4U);
    QCOMPARE(page.figures.unreadable, 0U);
    QVERIFY(!page.figures.ended);
}

void TestMetricsText::values_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<double>("value");
    QTest::newRow("whole") << "17" << 17.0;
    QTest::newRow("plus") << "+17" << 17.0;
    QTest::newRow("minus") << "-0.5" << -0.5;
    QTest::newRow("exponent") << "1.795342E9" << 1.795342e9;
    QTest::newRow("small") << "5e-05" << 5e-5;
    QTest::newRow("point first") << ".5" << 0.5;
    QTest::newRow("infinite") << "+Inf" << HUGE_VAL;
    QTest::newRow("less") << "-Inf" << -HUGE_VAL;
    QTest::newRow("in words") << "Infinity" << HUGE_VAL;
}

void TestMetricsText::values()
{
    QFETCH(QString, text);
    QFETCH(double, value);
    const Read page("a " + text.toStdString() + "\n");
    QCOMPARE(page.all().size(), 1U);
    QVERIFY(page.all()[0].value == value);
    const Read nan("a NaN\nb nan\n");
    QCOMPARE(nan.all().size(), 2U);
    QVERIFY(std::isnan(nan.all()[0].value) && std::isnan(nan.all()[1].value));
}

void TestMetricsText::labels()
{
    using Labels = std::vector<std::pair<std::string, std::string>>;
    const Read page("a{z=\"1\",b=\"x\\\\y\\\"z\\nw\\q\",empty=\"\",} 1\n"
                    " b { c = \"{},=# \" , d=\"\xc3\xa4\" } 2 \r\n");
    QCOMPARE(page.all().size(), 2U);
    QVERIFY((page.all()[0].labels == Labels{{"b", "x\\y\"z\nw\\q"}, {"z", "1"}}));
    QVERIFY((page.all()[1].labels == Labels{{"c", "{},=# "}, {"d", "\xc3\xa4"}}));
    const std::vector<MetricLabel> some{{"b", "1"}, {"d", "2"}};
    const MetricSample sample{"x", some, 0};
    QVERIFY(sample.label("d") == "2" && sample.label("c").empty() && sample.label("e").empty());
}

void TestMetricsText::unreadable_data()
{
    QTest::addColumn<QByteArray>("line");
    for (const char* const line : {"a",
                                   "a ",
                                   "1a 1",
                                   "a b",
                                   "a 1 2 3",
                                   "a{ 1",
                                   "a{b} 1",
                                   "a{b=1} 1",
                                   "a{b=\"c} 1",
                                   "a{b=\"c\\\"} 1",
                                   "a{b=\"c\"d=\"e\"} 1",
                                   "a{b=\"c\",,} 1",
                                   "a{b=\"c\"}1x",
                                   "a{b=\"1\",b=\"2\"} 1",
                                   "a{b=\"1\",b=\"\"} 1",
                                   "a{1b=\"c\"} 1",
                                   "{} 1",
                                   "{b=\"c\"} 1",
                                   "{\"a\",\"b\"} 1",
                                   "a 0x10",
                                   "a 1e",
                                   "a 1e999",
                                   "a --1",
                                   "a nan(1)",
                                   "a 1 x",
                                   "a 1 # x",
                                   "a 1 # {b=\"c\"",
                                   "a 1 # {b=\"c\"} x",
                                   "a 1 # {} 1 2 3",
                                   "# TYPE a",
                                   "# TYPE a weird",
                                   "# TYPE 1 gauge",
                                   "a.b 1",
                                   "a{b.c=\"d\"} 1",
                                   "\x01\x02",
                                   "a{b=\"c\"}"})
        QTest::newRow(line) << QByteArray(line);
}

void TestMetricsText::unreadable()
{
    QFETCH(QByteArray, line);
    const Read page("before 1\n" + line.toStdString() + "\nafter 2\n");
    QCOMPARE(page.figures.unreadable, 1U);
    QCOMPARE(page.all().size(), 2U);
    QCOMPARE(page.all()[1].name, std::string("after"));
}

void TestMetricsText::anywhereCut()
{
    const std::string text =
        "# TYPE a counter\na{b=\"c\\n\"} 1\r\n\nbad\na{b=\"d\"} 2 3\n# EOF\nx 1";
    const Read whole(text);
    QCOMPARE(whole.figures.series, 2U);
    QCOMPARE(whole.figures.unreadable, 2U);
    for (std::size_t piece = 1; piece < text.size(); ++piece) {
        const Read cut(text, piece);
        QVERIFY2(cut.figures == whole.figures, qPrintable(QString::number(piece)));
        QCOMPARE(cut.all().size(), whole.all().size());
        QCOMPARE(cut.all()[0].labels[0].second, std::string("c\n"));
    }
}

void TestMetricsText::firstOfDuplicates()
{
    const Read page("a{b=\"1\",c=\"2\"} 1\na{c=\"2\",b=\"1\"} 2\na 3\na{b=\"\"} 4\na{b=\"2\"} 5\n");
    QCOMPARE(page.figures.duplicates, 2U);
    QCOMPARE(page.all().size(), 3U);
    QCOMPARE(page.all()[0].value, 1.0);
    QCOMPARE(page.all()[1].value, 3.0);
}

void TestMetricsText::endsWithEof()
{
    const Read page("a 1\n# EOF\na 2\n\nb 3\n");
    QVERIFY(page.figures.ended);
    QCOMPARE(page.all().size(), 1U);
    QCOMPARE(page.figures.unreadable, 2U);
}

void TestMetricsText::exemplarsAndTimes()
{
    const Read page(
        "a_bucket{le=\"0.1\"} 8 # {trace_id=\"KOO\"} 0.067\n"
        "a_bucket{le=\"1\"} 10 1520879607.789 # {trace_id=\"x\\\"y\"} 9.8 1520879607.7\n"
        "a_count 10 1395066363000\n");
    QCOMPARE(page.figures.unreadable, 0U);
    QCOMPARE(page.all().size(), 3U);
    QCOMPARE(page.all()[1].value, 10.0);
    QCOMPARE(page.all()[1].labels.size(), 1U);
}

void TestMetricsText::namesInQuotes()
{
    const Read page("{\"db.client.connection.count\",\"db.state\"=\"used\",a=\"b\"} 3\n"
                    "# TYPE \"db.client.connection.count\" gauge\n");
    QCOMPARE(page.figures.unreadable, 0U);
    QCOMPARE(page.all().size(), 1U);
    QCOMPARE(page.all()[0].name, std::string("db.client.connection.count"));
    QCOMPARE(page.all()[0].labels[1].first, std::string("db.state"));
}

void TestMetricsText::longLine()
{
    const std::string most = "a{b=\"" + std::string(MetricsReader::max_line - 9, 'x') + "\"} 1";
    QCOMPARE(most.size(), MetricsReader::max_line);
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{1} << 20}) {
        const Read fits(most + "\nafter 1\n", piece);
        QCOMPARE(fits.figures.series, 2U);
        const Read over("x" + most + "\nafter 1\n", piece);
        QCOMPARE(over.figures.series, 1U);
        QCOMPARE(over.figures.unreadable, 1U);
        QCOMPARE(over.figures.lines, 2U);
        const Read open("x" + most + most, piece);
        QCOMPARE(open.figures.lines, 1U);
    }
}

void TestMetricsText::longPage()
{
    const std::string piece(MetricsReader::max_page / 64, '\n');
    MetricsReader reader;
    Taker taker;
    for (int i = 0; i < 64; ++i)
        reader.feed(piece, taker);
    QVERIFY(!reader.is_full());
    reader.feed("a 1\n", taker);
    reader.finish(taker);
    QVERIFY(reader.is_full());
    QVERIFY(taker.all.empty());
    QCOMPARE(reader.figures().bytes, MetricsReader::max_page);
}

void TestMetricsText::manySeries()
{
    std::string text;
    for (std::size_t i = 0; i < MetricsReader::max_series + 10; ++i)
        text += "a{b=\"" + std::to_string(i) + "\"} 1\n";
    const Read page(text + "a{b=\"7\"} 2\n");
    QCOMPARE(page.figures.series, MetricsReader::max_series);
    QCOMPARE(page.figures.over_limit, 10U);
    QCOMPARE(page.figures.duplicates, 1U);
}

void TestMetricsText::manyLabels()
{
    const auto line = [](std::size_t count) {
        std::string text = "a{";
        for (std::size_t i = 0; i < count; ++i)
            text += "l" + std::to_string(i) + "=\"v\",";
        return text + "} 1\n";
    };
    const Read page(line(MetricsReader::max_labels) + line(MetricsReader::max_labels + 1));
    QCOMPARE(page.figures.series, 1U);
    QCOMPARE(page.figures.unreadable, 1U);
    QCOMPARE(page.all()[0].labels.size(), MetricsReader::max_labels);
}

QTEST_APPLESS_MAIN(TestMetricsText)
#include "tst_metricstext.moc"
