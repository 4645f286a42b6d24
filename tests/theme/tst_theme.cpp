// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/banner.h"
#include "ui/theme/elidedlabel.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/icons.h"
#include "ui/theme/panel.h"
#include "ui/theme/prose.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/stylesheet.h"
#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"

#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QElapsedTimer>
#include <QLabel>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>

using namespace poolscope;

class TestTheme : public QObject
{
    Q_OBJECT
private slots:
    void modes()
    {
        Theme& theme = Theme::current();
        theme.install();
        QSignalSpy spy(&theme, &Theme::changed);
        theme.setMode(Theme::Mode::dark);
        QVERIFY(theme.isDark());
        QCOMPARE(QApplication::palette().color(QPalette::Base), darkTokens().surface);
        theme.setMode(Theme::Mode::light);
        QVERIFY(!theme.isDark());
        QCOMPARE(QApplication::palette().color(QPalette::PlaceholderText), lightTokens().text3);
        QCOMPARE(spy.count(), 2);
        QCOMPARE(Theme::modeFromName(QStringLiteral("dark")), Theme::Mode::dark);
        QVERIFY(!Theme::modeFromName(QStringLiteral("pink")));
        for (const auto mode : {Theme::Mode::automatic, Theme::Mode::light, Theme::Mode::dark})
            QCOMPARE(Theme::modeFromName(Theme::nameOf(mode)), mode);
    }

    void autoWithoutBusDoesNotWait()
    {
        const QByteArray bus = qgetenv("DBUS_SESSION_BUS_ADDRESS");
        qunsetenv("DBUS_SESSION_BUS_ADDRESS");
        QElapsedTimer clock;
        clock.start();
        Theme::current().setMode(Theme::Mode::automatic);
        QVERIFY(clock.elapsed() < 1000);
        if (!bus.isEmpty())
            qputenv("DBUS_SESSION_BUS_ADDRESS", bus);
        Theme::current().setMode(Theme::Mode::light);
    }

    void followsDesktopsSetting()
    {
        Theme& theme = Theme::current();
        theme.setMode(Theme::Mode::automatic);
        const auto tell = [&](uint scheme) {
            QVERIFY(QMetaObject::invokeMethod(
                &theme, "settingChanged",
                Q_ARG(QString, QStringLiteral("org.freedesktop.appearance")),
                Q_ARG(QString, QStringLiteral("color-scheme")),
                Q_ARG(QDBusVariant, QDBusVariant(scheme))));
        };
        tell(1);
        QVERIFY(theme.isDark());
        tell(2);
        QVERIFY(!theme.isDark());
        tell(1);
        theme.setMode(Theme::Mode::light); // an override outranks the desktop
        tell(1);
        QVERIFY(!theme.isDark());
    }

    void styleSheetIsComplete()
    {
        for (const Tokens* tokens : {&lightTokens(), &darkTokens()}) {
            const QString sheet = styleSheetFor(*tokens, 1.0);
            QVERIFY(!sheet.contains(QLatin1Char('@')));
            QVERIFY(sheet.contains(tokens->accent.name()));
            QVERIFY(sheet.contains(QStringLiteral("min-height: 24px")));
            QVERIFY(styleSheetFor(*tokens, 1.5).contains(QStringLiteral("min-height: 36px")));
        }
    }

    void monospaceDoesNotJoin()
    {
        const QFont mono = Theme::current().mono(13);
        QVERIFY(mono.styleStrategy() & QFont::PreferNoShaping);
        const QFontMetricsF metrics(mono);
        QCOMPARE(metrics.horizontalAdvance(QStringLiteral("1111")),
                 metrics.horizontalAdvance(QStringLiteral("0000")));
    }

    void density()
    {
        Theme& theme = Theme::current();
        theme.setDensity(Theme::Density::compact);
        QCOMPARE(theme.rowHeight(), theme.scaled(20));
        theme.setDensity(Theme::Density::comfortable);
        QCOMPARE(theme.rowHeight(), theme.scaled(28));
        theme.setDensity(Theme::Density::normal);
        QCOMPARE(theme.rowHeight(), theme.scaled(24));
    }

    void everyIconDraws()
    {
        const QStringList files =
            QDir(QStringLiteral(":/icons")).entryList({QStringLiteral("*.svg")});
        QVERIFY(files.size() > 35);
        for (const QString& file : files) {
            const QIcon icon = themedIcon(QString(file).chopped(4));
            const QImage image = icon.pixmap(QSize(16, 16)).toImage();
            int ink = 0;
            for (int y = 0; y < image.height(); ++y)
                for (int x = 0; x < image.width(); ++x)
                    ink += qAlpha(image.pixel(x, y)) > 100;
            QVERIFY2(ink > 2, qPrintable(file));
        }
        QVERIFY(themedIcon(QStringLiteral("nonsense")).isNull());
    }

    void iconsTakeThemesColour()
    {
        const QIcon icon = themedIcon(QStringLiteral("attach"));
        const auto middle = [&] {
            return icon.pixmap(QSize(32, 32)).toImage().pixelColor(16, 8);
        };
        Theme::current().setMode(Theme::Mode::light);
        QCOMPARE(middle().rgb(), lightTokens().text.rgb());
        Theme::current().setMode(Theme::Mode::dark);
        QCOMPARE(middle().rgb(), darkTokens().text.rgb());
        Theme::current().setMode(Theme::Mode::light);
    }

    void glyphsDifferInShape()
    {
        // As a black and white mask at 48 px no two states are alike: colour is never the only
        // sign.
        std::vector<QImage> masks;
        for (std::size_t i = 0; i < session_state_count; ++i) {
            const QImage image =
                statePixmap(static_cast<SessionState>(i), 48, 1.0, lightTokens()).toImage();
            masks.push_back(image.createAlphaMask(Qt::ThresholdDither));
        }
        for (std::size_t i = 0; i < masks.size(); ++i)
            for (std::size_t j = i + 1; j < masks.size(); ++j)
                QVERIFY2(masks[i] != masks[j], qPrintable(QString::number(i * 10 + j)));
        QCOMPARE(statePixmap(SessionState::active, 12, 2.0, lightTokens()).size(), QSize(24, 24));
    }

    void bannerIsPlainText()
    {
        Banner banner;
        const QString evil = QStringLiteral("<img src=x><b>bold</b>");
        banner.setMessage(Severity::warning, evil, evil);
        for (const QLabel* label : banner.findChildren<QLabel*>())
            QCOMPARE(label->textFormat(), Qt::PlainText);
        banner.setCode(QStringLiteral("GRANT pg_monitor TO dba;"));
        banner.setLink(QStringLiteral("Attach now"));
        banner.setClosable(true);
        QSignalSpy closed(&banner, &Banner::closed);
        banner.resize(800, 28);
        banner.show();
        QSignalSpy link(&banner, &Banner::linkActivated);
        for (QToolButton* button : banner.findChildren<QToolButton*>()) {
            QVERIFY(button->isVisible());
            button->click();
        }
        QCOMPARE(link.count(), 1);
        QCOMPARE(closed.count(), 1);
        QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("GRANT pg_monitor TO dba;"));
    }

    void segmentsAreExclusive()
    {
        SegmentedControl control({QStringLiteral("A"), QStringLiteral("B"), QStringLiteral("C")});
        control.show();
        QSignalSpy spy(&control, &SegmentedControl::chosen);
        control.setCurrent(1);
        QCOMPARE(spy.count(), 0);
        QTest::mouseClick(control.findChildren<QToolButton*>().at(2), Qt::LeftButton);
        QCOMPARE(control.current(), 2);
        QCOMPARE(spy.count(), 1);
        QTest::keyClick(&control, Qt::Key_Left);
        QCOMPARE(control.current(), 1);
        QTest::keyClick(&control, Qt::Key_Left);
        QTest::keyClick(&control, Qt::Key_Left);
        QCOMPARE(control.current(), 0);
        QCOMPARE(spy.count(), 3);
    }

    void proseKeepsNumbersWhole()
    {
        const QChar nb(QChar::Nbsp);
        QCOMPARE(unbroken(QStringLiteral("for 6 min 12 s, then")),
                 QStringLiteral("for 6%1min 12%1s, then").arg(nb));
        QCOMPARE(unbroken(QStringLiteral("3 sessions in 4 days")),
                 QStringLiteral("3 sessions in 4 days")); // no unit, whatever it begins with
        QCOMPARE(unbroken(QStringLiteral("87\u2009229 transactions")),
                 QStringLiteral("87\u202f229 transactions"));
    }

    void bannerLinkIsLiteral()
    {
        Banner banner;
        banner.setLink(QStringLiteral("Attach to a&b <i>now</i>"));
        QString shown;
        for (const QToolButton* button : banner.findChildren<QToolButton*>()) {
            if (button->isVisibleTo(&banner))
                shown = button->text();
        }
        QCOMPARE(shown, QStringLiteral("Attach to a&&b <i>now</i>"));
        QVERIFY(!plainToolTip(QStringLiteral("<b>bold</b>")).contains(QStringLiteral("<b>")));
    }
};

QTEST_MAIN(TestTheme)
#include "tst_theme.moc"
