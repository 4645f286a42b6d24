// SPDX-License-Identifier: GPL-3.0-or-later
// A report on paper: what stands on it, and where a page ends.
#include "core/report/gather.h"
#include "tests/report/incident.h"
#include "tests/support/places.h"
#include "ui/paper/paper.h"

#include <QDir>
#include <QGuiApplication>
#include <QImage>
#include <QPainter>
#include <QPalette>
#include <QSet>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using poolscope::paper::Booklet;
using poolscope::paper::Element;
using poolscope::paper::Slab;

class TestPaper : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void everyRecording_data();
    void everyRecording();
    void noPageBreakGoesThroughAnything_data() { everyRecording_data(); }
    void noPageBreakGoesThroughAnything();
    void theSameWordsAsThePage_data() { everyRecording_data(); }
    void theSameWordsAsThePage();
    void aTableSaysItsHeadOnEachPage();
    void aRowThatNoPageHoldsIsCut();
    void nothingLeavesTheMargins();
    void theFootSaysWhatAndWhere();
    void itIsLight();
    void eachRecordingBeginsAPage();
    void itIsDrawn();

private:
    static report::Input inputOf(const QString& file);
    static report::Incident crowded(const std::string& words, int lines);
    static QImage drawn(const Booklet& booklet, std::size_t sheet);

    QTemporaryDir dir_;
    QString incident_;
};

namespace {

constexpr qreal slack = 0.5; ///< units
constexpr int pixels_per_inch = 96;

QString squeezed(QString text)
{
    text.removeIf([](QChar c) { return c.isSpace() || c == QChar::LineSeparator; });
    return text;
}

/// What stands on the page, but for what is drawn.
QString wordsOf(const Element& element)
{
    if (element.name == QLatin1String("svg") || element.name == QLatin1String("head"))
        return {};
    QString words = element.text;
    for (const Element& child : element.children)
        words += wordsOf(child);
    return words;
}

bool whiteWithin(const QImage& image, const QRect& area)
{
    for (int y = area.top(); y <= area.bottom(); ++y)
        for (int x = area.left(); x <= area.right(); ++x)
            if (image.pixelColor(x, y) != QColor(Qt::white))
                return false;
    return true;
}

} // namespace

void TestPaper::initTestCase()
{
    QVERIFY(dir_.isValid());
    incident_ = dir_.filePath(QStringLiteral("incident.poolrec"));
    const RecordedIncident recorded{incident_.toStdString()};
    QCOMPARE(QString::fromStdString(recorded.trouble()), QString());
}

report::Input TestPaper::inputOf(const QString& file)
{
    report::Input input;
    input.version = "0.1.0";
    input.utc = true;
    auto reader = RecordingReader::open(file.toStdString());
    if (!reader)
        return input;
    report::Question question;
    question.file = QFileInfo(file).fileName().toStdString();
    if (auto gathered = report::gather(*reader.value(), question))
        input.incidents.push_back(std::move(gathered.value().incident));
    return input;
}

/// Many lines of a timeline, notes and findings, each of them these words.
report::Incident TestPaper::crowded(const std::string& words, int lines)
{
    report::Incident incident;
    incident.file = words;
    incident.from = RecordedIncident::start;
    incident.to = RecordedIncident::start + 1h;
    incident.moment = incident.to;
    incident.why_then = "the end of the recording";
    for (int i = 0; i < lines; ++i) {
        const Timestamp at = incident.from + std::chrono::seconds{i};
        incident.moments.push_back({at, MarkKind::note, {}, words, words});
        incident.notes.push_back({at, words});
        ConfigFinding finding;
        finding.pool = Text{words};
        finding.setting = finding.value = finding.proposed = finding.sentence = words;
        finding.evidence = {words};
        incident.findings.push_back(finding);
        report::Leak leak;
        leak.kind = leak.who = leak.sentence = words;
        leak.stack = make_stack({{Text{words}, Text{words}, 42, true}});
        report::Holding holding;
        holding.id = holding.by = holding.session = holding.statement = words;
        leak.holders = {holding};
        incident.leaks.push_back(leak);
    }
    return incident;
}

QImage TestPaper::drawn(const Booklet& booklet, std::size_t sheet)
{
    const qreal scale = 1.0 / paper::units_per_pixel;
    const QSizeF size = Booklet::sheet() * scale;
    QImage image(size.toSize(), QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    painter.scale(scale, scale);
    booklet.paint(painter, sheet);
    return image;
}

void TestPaper::everyRecording_data()
{
    QTest::addColumn<QString>("file");
    QTest::newRow("made up") << incident_;
    for (const QString& folder : {inTree("tests/data"), inTree("resources/samples")}) {
        const QDir recordings(folder);
        const QStringList names = recordings.entryList({QStringLiteral("*.poolrec")});
        QVERIFY(!names.isEmpty());
        for (const QString& name : names)
            QTest::newRow(qPrintable(name)) << recordings.filePath(name);
    }
}

void TestPaper::everyRecording()
{
    QFETCH(const QString, file);
    const report::Input input = inputOf(file);
    QCOMPARE(input.incidents.size(), std::size_t{1});
    const QByteArray pdf = paper::pdfOf(input);
    QVERIFY(pdf.startsWith("%PDF-1."));
    QVERIFY(pdf.trimmed().endsWith("%%EOF"));
    const std::size_t sheets = Booklet(input).sheets().size();
    QVERIFY(sheets >= 1);
    QCOMPARE(static_cast<std::size_t>(pdf.count("/Type /Page\n")), sheets);
    // Letters, not pictures of them.
    QVERIFY(pdf.contains("/FontFile"));
    QVERIFY(!pdf.contains("/JavaScript"));
    QVERIFY(!pdf.contains("/URI"));
}

void TestPaper::noPageBreakGoesThroughAnything()
{
    QFETCH(const QString, file);
    const Booklet booklet(inputOf(file));
    const qreal height = Booklet::textArea().height();
    std::size_t next = 0;
    for (const paper::SheetOfPaper& sheet : booklet.sheets()) {
        QVERIFY(!sheet.slabs.empty());
        qreal y = 0;
        for (const paper::PlacedSlab& placed : sheet.slabs) {
            QVERIFY(placed.top >= y - slack);
            y = placed.top + placed.slab->height;
            QVERIFY2(y <= height + slack, qPrintable(placed.slab->text));
            if (placed.slab == &booklet.slabs()[next])
                ++next;
            else // a head that is said again
                QCOMPARE(placed.slab, sheet.slabs.front().slab);
        }
        // What leads to something does not end a page.
        QVERIFY2(!sheet.slabs.back().slab->withNext, qPrintable(sheet.slabs.back().slab->text));
    }
    QCOMPARE(next, booklet.slabs().size());
}

void TestPaper::theSameWordsAsThePage()
{
    QFETCH(const QString, file);
    const Booklet booklet(inputOf(file));
    QString set;
    for (const Slab& slab : booklet.slabs())
        set += slab.text;
    const QString page = wordsOf(booklet.html());
    QVERIFY(page.size() > 500);
    QCOMPARE(squeezed(set), squeezed(page));
}

void TestPaper::aTableSaysItsHeadOnEachPage()
{
    report::Input input;
    input.utc = true;
    input.incidents = {crowded("somebody deployed the orders service", 150)};
    const Booklet booklet(input);
    int pages = 0;
    for (const paper::SheetOfPaper& sheet : booklet.sheets()) {
        const Slab* const first = sheet.slabs.front().slab;
        const bool rows = std::any_of(sheet.slabs.begin(), sheet.slabs.end(), [](const auto& each) {
            return each.slab->head && each.slab->head->text.startsWith(QLatin1String("Time"));
        });
        if (!rows || first->text.startsWith(QLatin1String("Incident report")))
            continue;
        ++pages;
        QCOMPARE(first->text, QStringLiteral("Time\tWhat\tWhere\tWhat happened"));
    }
    QVERIFY2(pages >= 2, qPrintable(QString::number(pages)));
}

void TestPaper::aRowThatNoPageHoldsIsCut()
{
    report::Input input;
    input.incidents = {crowded("x", 1)};
    ConfigFinding& finding = input.incidents[0].findings[0];
    const std::string sentence = "a sentence that needs a line of its own or even two of them";
    for (int i = 0; i < 200; ++i)
        finding.evidence.push_back(sentence);
    const Booklet booklet(input);
    const qreal height = Booklet::textArea().height();
    for (const Slab& slab : booklet.slabs())
        QVERIFY(slab.height <= height);
    QVERIFY(booklet.sheets().size() >= 4);
}

void TestPaper::nothingLeavesTheMargins()
{
    report::Input input;
    input.utc = true;
    input.incidents = {crowded(std::string(400, 'W'), 3)};
    report::Tree chain;
    chain.who = "shop";
    for (int depth = 0; depth < 80; ++depth)
        chain.lines.push_back({depth, false, std::to_string(depth), "one that waits", 1, {}, {}});
    input.incidents[0].trees = {chain};
    const Booklet booklet(input);
    const qreal scale = 1.0 / paper::units_per_pixel;
    const QRect area =
        QRectF(Booklet::textArea().topLeft() * scale, Booklet::textArea().size() * scale)
            .toAlignedRect();
    for (std::size_t i = 0; i < booklet.sheets().size(); ++i) {
        const QImage image = drawn(booklet, i);
        QVERIFY(whiteWithin(image, {0, 0, area.left() - 1, image.height()}));
        QVERIFY2(whiteWithin(image, {area.right() + 2, 0, image.width() - area.right() - 2,
                                     image.height()}),
                 qPrintable(QString::number(i)));
        QVERIFY(whiteWithin(image, {0, 0, image.width(), area.top() - 1}));
        QVERIFY(!whiteWithin(image, area));
    }
}

void TestPaper::theFootSaysWhatAndWhere()
{
    const Booklet booklet(inputOf(incident_));
    const std::size_t pages = booklet.sheets().size();
    QVERIFY(pages >= 2);
    QCOMPARE(booklet.footOf(pages - 1),
             QStringLiteral("incident.poolrec, 2025-11-21 14:28:40 to 14:30:39 (UTC)"));
    QCOMPARE(booklet.numberOf(1), QStringLiteral("Page 2 of %1").arg(pages));
    // It is on the paper, at the left and at the right.
    const QImage image = drawn(booklet, pages - 1);
    const int top = static_cast<int>(Booklet::textArea().bottom() / paper::units_per_pixel) + 4;
    const int half = image.width() / 2;
    const int rest = image.height() - top;
    QVERIFY(!whiteWithin(image, {0, top + 20, half, rest - 20}));
    QVERIFY(!whiteWithin(image, {half, top + 20, half, rest - 20}));
}

void TestPaper::itIsLight()
{
    QPalette dark;
    dark.setColor(QPalette::Base, Qt::black);
    dark.setColor(QPalette::Window, Qt::black);
    dark.setColor(QPalette::Text, Qt::white);
    const QPalette before = QGuiApplication::palette();
    QGuiApplication::setPalette(dark);
    const Booklet booklet(inputOf(incident_));
    const QImage image = drawn(booklet, 0);
    QGuiApplication::setPalette(before);
    int light = 0;
    int all = 0;
    for (int y = 0; y < image.height(); y += 3)
        for (int x = 0; x < image.width(); x += 3, ++all)
            light += image.pixelColor(x, y).lightness() > 200 ? 1 : 0;
    QVERIFY(light > all * 7 / 10);
    const paper::PrintStyle style;
    QCOMPARE(style.colour(QStringLiteral("surface")), QColor(Qt::white));
    QVERIFY(style.colour(QStringLiteral("text")).lightness() < 60);
    for (const char* name : {"text", "text2", "text3", "line", "line2", "head", "alt", "critfill",
                             "warnfill", "critbg", "warnbg"})
        QVERIFY2(style.colour(QString::fromLatin1(name)).isValid(), name);
}

void TestPaper::eachRecordingBeginsAPage()
{
    report::Input input = inputOf(incident_);
    input.incidents.push_back(input.incidents.front());
    input.incidents[1].file = "other.poolrec";
    const Booklet booklet(input);
    QSet<QString> feet;
    for (std::size_t i = 0; i < booklet.sheets().size(); ++i) {
        feet << booklet.footOf(i).section(QLatin1Char(','), 0, 0);
        for (const paper::PlacedSlab& placed : booklet.sheets()[i].slabs)
            QCOMPARE(placed.slab->article, booklet.sheets()[i].article);
    }
    QCOMPARE(feet,
             (QSet<QString>{QStringLiteral("incident.poolrec"), QStringLiteral("other.poolrec")}));
}

/// The charts: colours of what was in use and of who waited are on the paper.
void TestPaper::itIsDrawn()
{
    const Booklet booklet(inputOf(incident_));
    const paper::PrintStyle style;
    for (const char* name : {"s-active", "s-waiting", "s-tx", "bar-crit"}) {
        const QColor wanted = style.fill({QString::fromLatin1(name)}).color();
        qint64 pixels = 0;
        for (std::size_t i = 0; i < booklet.sheets().size(); ++i) {
            const QImage image = drawn(booklet, i);
            for (int y = 0; y < image.height(); ++y)
                for (int x = 0; x < image.width(); ++x)
                    pixels += image.pixelColor(x, y) == wanted ? 1 : 0;
        }
        QVERIFY2(pixels > 100, name);
    }
}

QTEST_MAIN(TestPaper)
#include "tst_paper.moc"
