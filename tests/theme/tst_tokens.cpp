// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/theme/colourmath.h"
#include "ui/theme/tokens.h"

#include <QTest>

#include <vector>

using namespace poolscope;
using namespace poolscope::colourmath;

/// Recomputes from the struct what the look promises of its colours.
class TestTokens : public QObject
{
    Q_OBJECT

private:
    static const Tokens& tokens(bool dark) { return dark ? darkTokens() : lightTokens(); }

    static double leastContrast(const QColor& text, const std::vector<QColor>& grounds)
    {
        double least = 100;
        for (const QColor& ground : grounds)
            least = std::min(least, contrast(text, ground));
        return least;
    }

    static double leastDifference(const std::vector<QColor>& colours, Vision vision,
                                  bool neighboursOnly = false)
    {
        double least = 1000;
        for (std::size_t i = 0; i < colours.size(); ++i)
            for (std::size_t j = i + 1; j < colours.size(); ++j)
                if (!neighboursOnly || j == i + 1)
                    least = std::min(least, difference(colours[i], colours[j], vision));
        return least;
    }

private slots:
    void mathsAreRight()
    {
        // Pairs 1, 7, 17 and 25 of the published CIEDE2000 test data (Sharma, Wu, Dalal 2005).
        const auto near = [](double a, double b) {
            return std::abs(a - b) < 0.0001;
        };
        QVERIFY(near(ciede2000({50, 2.6772, -79.7751}, {50, 0, -82.7485}), 2.0425));
        QVERIFY(near(ciede2000({50, 0, 0}, {50, -1, 2}), 2.3669));
        QVERIFY(near(ciede2000({50, 2.5, 0}, {73, 25, -18}), 27.1492));
        QVERIFY(
            near(ciede2000({60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}), 1.2644));
        QCOMPARE(std::round(contrast(Qt::white, Qt::black)), 21.0);
    }

    void textContrast_data()
    {
        QTest::addColumn<bool>("dark");
        QTest::addColumn<QString>("name");
        QTest::addColumn<double>("promised"); // rounded to a tenth
        const struct
        {
            const char* name;
            double light, dark;
        } rows[] = {{"text", 12.8, 8.8},  {"text2", 6.1, 5.6},  {"text3", 4.6, 5.3},
                    {"accent", 5.3, 5.0}, {"warn", 5.3, 6.3},   {"crit", 5.9, 5.1},
                    {"info", 5.6, 5.4},   {"danger", 6.5, 5.0}, {"onAccent", 6.8, 8.6}};
        for (const auto& row : rows) {
            QTest::addRow("%s light", row.name)
                << false << QString::fromLatin1(row.name) << row.light;
            QTest::addRow("%s dark", row.name) << true << QString::fromLatin1(row.name) << row.dark;
        }
    }

    void textContrast()
    {
        QFETCH(bool, dark);
        QFETCH(QString, name);
        QFETCH(double, promised);
        const Tokens& t = tokens(dark);
        const std::vector<QColor> plain = {t.window, t.surface, t.alt,
                                           t.header, t.sidebar, t.hover};
        std::vector<QColor> all = plain;
        for (const QColor& ground : {t.sel, t.warnBg, t.critBg, t.infoBg})
            all.push_back(ground);
        const auto withOwn = [&](const QColor& own) {
            std::vector<QColor> grounds = plain;
            grounds.push_back(t.sel);
            grounds.push_back(own);
            return grounds;
        };
        double least = 0;
        if (name == QLatin1String("text"))
            least = leastContrast(t.text, all);
        else if (name == QLatin1String("text2"))
            least = leastContrast(t.text2, all);
        else if (name == QLatin1String("text3")) // never on sel, see captionOn()
            least = leastContrast(t.text3, plain);
        else if (name == QLatin1String("accent"))
            least = leastContrast(t.accent, withOwn(t.sel));
        else if (name == QLatin1String("warn"))
            least = leastContrast(t.warn, withOwn(t.warnBg));
        else if (name == QLatin1String("crit"))
            least = leastContrast(t.crit, withOwn(t.critBg));
        else if (name == QLatin1String("info"))
            least = leastContrast(t.info, withOwn(t.infoBg));
        else if (name == QLatin1String("danger"))
            least = contrast(t.onDanger, t.danger);
        else
            least = contrast(t.onAccent, t.accent);
        QVERIFY2(least >= 4.5, qPrintable(QString::number(least)));
        QVERIFY2(std::abs(least - promised) <= 0.15,
                 qPrintable(QStringLiteral("%1 instead of %2").arg(least).arg(promised)));
    }

    void captionsOnSelection()
    {
        for (const bool dark : {false, true}) {
            const Tokens& t = tokens(dark);
            QVERIFY(contrast(t.captionOn(true), t.sel) >= 4.5);
            QVERIFY(contrast(t.text3, t.sel) < 4.5); // the reason for captionOn()
            QCOMPARE(t.captionOn(false), t.text3);
        }
    }

    void stringsInCode()
    {
        for (const bool dark : {false, true})
            QVERIFY(contrast(tokens(dark).ok, tokens(dark).surface) >= 4.5);
    }

    void stateDifference_data()
    {
        QTest::addColumn<bool>("dark");
        QTest::addColumn<int>("vision");
        QTest::addColumn<double>("pairs");
        QTest::addColumn<double>("stack");
        QTest::addColumn<double>("severities");
        const char* eyes[] = {"normal", "deuteranopia", "protanopia", "tritanopia"};
        const double promised[2][4][3] = {
            {{16.5, 20.1, 36.5}, {20.2, 20.2, 21.7}, {19.3, 19.9, 31.1}, {15.3, 20.1, 24.3}},
            {{17.4, 24.3, 33.4}, {17.3, 17.3, 15.6}, {19.7, 23.3, 24.5}, {15.5, 22.7, 20.5}}};
        for (int dark = 0; dark < 2; ++dark)
            for (int eye = 0; eye < 4; ++eye)
                QTest::addRow("%s %s", dark ? "dark" : "light", eyes[eye])
                    << bool(dark) << eye << promised[dark][eye][0] << promised[dark][eye][1]
                    << promised[dark][eye][2];
    }

    void stateDifference()
    {
        QFETCH(bool, dark);
        QFETCH(int, vision);
        QFETCH(double, pairs);
        QFETCH(double, stack);
        QFETCH(double, severities);
        const Tokens& t = tokens(dark);
        const auto eye = static_cast<Vision>(vision);
        const std::vector<QColor> states(t.states.begin(), t.states.begin() + 6);
        const double least = leastDifference(states, eye);
        const double neighbours = leastDifference(states, eye, true);
        const double severity = leastDifference({t.info, t.warnFill, t.critFill}, eye);
        const QString got = QStringLiteral("%1 %2 %3").arg(least).arg(neighbours).arg(severity);
        QVERIFY2(least >= 15, qPrintable(got));
        QVERIFY2(std::abs(least - pairs) <= 0.15, qPrintable(got));
        QVERIFY2(std::abs(neighbours - stack) <= 0.15, qPrintable(got));
        QVERIFY2(std::abs(severity - severities) <= 0.15, qPrintable(got));
    }

    void names()
    {
        QCOMPARE(stateName(SessionState::idle_in_transaction_aborted),
                 QStringLiteral("idle in transaction (aborted)"));
        QCOMPARE(stateShortName(SessionState::idle_in_transaction), QStringLiteral("idle in tx"));
        for (std::size_t i = 0; i < session_state_count; ++i)
            QVERIFY(!stateShortName(static_cast<SessionState>(i)).isEmpty());
    }
};

QTEST_MAIN(TestTokens)
#include "tst_tokens.moc"
