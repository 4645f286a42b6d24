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
#include <QFontInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QScreen>
#include <QSignalSpy>
#include <QStackedWidget>
#include <QStyle>
#include <QTest>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>

#include <cstdlib>

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

    void lengthsGrowWithTexts()
    {
        Theme& theme = Theme::current();
        theme.install();
        QCOMPARE(theme.scale(), 1.0); // no test's desktop asks for more
        QSignalSpy spy(&theme, &Theme::changed);
        theme.setScale(1.5);
        QCOMPARE(spy.count(), 1);
        QCOMPARE(theme.scaled(24), 36);
        QCOMPARE(theme.scaled(QSize(10, 20)), QSize(15, 30));
        QCOMPARE(theme.scaled(QMargins(2, 4, 6, 8)), QMargins(3, 6, 9, 12));
        QCOMPARE(QFontInfo(QApplication::font()).pixelSize(), theme.scaled(13));
        // A window grows as far as its screen lets it, and is never smaller than designed.
        const QWidget window;
        const int screen = window.screen()->availableSize().width();
        QCOMPARE(theme.sizeFor(window, {100, 80}), QSize(150, 120));
        QCOMPARE(theme.sizeFor(window, {screen - 10, 80}), QSize(screen, 120));
        QCOMPARE(theme.sizeFor(window, {screen + 10, 80}), QSize(screen + 10, 120));
        theme.setScale(0.2);
        QCOMPARE(theme.scale(), 1.0);
        theme.setScale(9);
        QCOMPARE(theme.scale(), 2.0);
        theme.setScale(1);
    }

    void whatQtLaysOutGrowsToo()
    {
        Theme& theme = Theme::current();
        theme.install();
        const auto measure = [](QStyle::PixelMetric metric) {
            return QApplication::style()->pixelMetric(metric);
        };
        const auto metrics = {QStyle::PM_SmallIconSize,          QStyle::PM_ButtonIconSize,
                              QStyle::PM_ListViewIconSize,       QStyle::PM_LineEditIconSize,
                              QStyle::PM_IndicatorWidth,         QStyle::PM_ExclusiveIndicatorWidth,
                              QStyle::PM_CheckBoxLabelSpacing,   QStyle::PM_LayoutLeftMargin,
                              QStyle::PM_LayoutHorizontalSpacing};
        for (const QStyle::PixelMetric metric : metrics) {
            theme.setScale(1);
            const int before = measure(metric);
            theme.setScale(1.5);
            QVERIFY(before > 0);
            QVERIFY2(
                std::abs(measure(metric) - 1.5 * before) <= 1,
                qPrintable(
                    QStringLiteral("%1: %2, %3").arg(metric).arg(before).arg(measure(metric))));
        }
        theme.setScale(1);
    }

    void theFocusMovesNothing()
    {
        Theme& theme = Theme::current();
        theme.install();
        for (const double scale : {1.0, 1.25, 1.55, 2.0}) {
            theme.setScale(scale);
            QWidget window;
            QLineEdit edit(&window);
            QPushButton button(QStringLiteral("Attach"), &window);
            QWidget other(&window);
            other.setFocusPolicy(Qt::StrongFocus);
            window.show();
            window.activateWindow();
            QVERIFY(QTest::qWaitForWindowActive(&window));
            for (QWidget* const one :
                 {static_cast<QWidget*>(&edit), static_cast<QWidget*>(&button)}) {
                other.setFocus();
                const QSize size = one->sizeHint();
                one->setFocus();
                QVERIFY(one->hasFocus());
                QCOMPARE(one->sizeHint(), size);
            }
        }
        theme.setScale(1);
    }

    /// Of a frame that is not laid out yet Qt keeps none that leave nothing of 100 x 30 px.
    void paddingOutlivesAChangeOfStyle()
    {
        Theme& theme = Theme::current();
        theme.install();
        QWidget window;
        QLabel label(QStringLiteral("Targets"), &window);
        const QMargins padding(24, 32, 0, 8);
        setPadding(label, padding);
        theme.setScale(1.5);
        window.show();
        theme.setScale(1);
        QCOMPARE(label.contentsMargins(), padding);
    }

    void iconOfABannerGrows()
    {
        Theme& theme = Theme::current();
        theme.setMode(Theme::Mode::light);
        const auto tall = [&](double scale) {
            theme.setScale(scale);
            Banner banner;
            banner.setMessage(Severity::critical, QStringLiteral("No answer"), QString());
            banner.resize(800, banner.sizeHint().height());
            const QImage image =
                banner.grab(QRect(2, 2, theme.scaled(28), banner.height() - 4)).toImage();
            int rows = 0;
            for (int y = 0; y < image.height(); ++y) {
                bool filled = false;
                for (int x = 0; x < image.width(); ++x)
                    filled = filled || image.pixelColor(x, y) == theme.tokens().critFill;
                rows += filled;
            }
            return rows;
        };
        const int before = tall(1);
        QVERIFY(before > 8);
        QVERIFY(std::abs(tall(2) - 2 * before) <= 2);
        theme.setScale(1);
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

    void segmentsWithoutRoomAreAMenu()
    {
        QWidget window;
        auto* const line = new QHBoxLayout(&window);
        auto* const filter = new QLineEdit;
        filter->setMinimumWidth(100);
        line->addWidget(filter, 1);
        auto& control = *new SegmentedControl(
            {QStringLiteral("Application"), QStringLiteral("Database"), QStringLiteral("State")},
            &window);
        line->addWidget(&control);
        line->setSizeConstraint(QLayout::SetNoConstraint);
        control.setAccessibleName(QStringLiteral("Group by"));
        QSignalSpy spy(&control, &SegmentedControl::chosen);
        window.resize(line->sizeHint().width() + 100, 60);
        window.show();
        auto* const fold = control.findChild<QToolButton*>(QStringLiteral("fold"));
        const auto segments = [&] {
            int visible = 0;
            for (const QToolButton* button : control.findChildren<QToolButton*>())
                visible += button != fold && button->isVisible() &&
                           button->geometry().right() < control.width();
            return visible;
        };
        QVERIFY(!control.isFolded() && !fold->isVisible());
        QTRY_COMPARE(segments(), 3);
        const int least = line->minimumSize().width();
        window.resize(least, 60); // the filter gives way first
        QVERIFY(!control.isFolded());
        QCOMPARE(segments(), 3);

        window.resize(least - 1, 60);
        QTRY_VERIFY(control.isFolded() && fold->isVisible());
        QCOMPARE(segments(), 0);
        QTRY_COMPARE(control.width(), fold->sizeHint().width());
        QVERIFY(line->minimumSize().width() < least - 60);
        QVERIFY(fold->accessibleName().startsWith(QStringLiteral("Group by: Application")));
        QTimer::singleShot(0, &control, [fold] {
            QCOMPARE(fold->menu()->actions().size(), 3);
            QVERIFY(fold->menu()->actions().at(0)->isChecked());
            fold->menu()->actions().at(2)->trigger();
            fold->menu()->close();
        });
        fold->click();
        QCOMPARE(spy.count(), 1);
        QCOMPARE(control.current(), 2);
        QVERIFY(fold->text().contains(QStringLiteral("State")));
        QTest::keyClick(fold, Qt::Key_Left);
        QCOMPARE(control.current(), 1);
        QCOMPARE(spy.count(), 2);

        window.resize(least, 60);
        QTRY_VERIFY(!control.isFolded() && !fold->isVisible());
        QTRY_COMPARE(segments(), 3);
    }

    /// Behind another page it is laid out before it has a width.
    void aBannerOfAPageBehindIsLaidOut()
    {
        QStackedWidget pages;
        pages.addWidget(new QWidget);
        auto* const page = new QWidget;
        auto* const lines = new QVBoxLayout(page);
        auto* const banner = new Banner(page);
        lines->addWidget(banner);
        lines->addStretch(1);
        pages.addWidget(page);
        pages.resize(900, 300);
        pages.show();
        banner->setMessage(Severity::info, QStringLiteral("Replay at 16:03:35"),
                           QStringLiteral("The end of incident.poolrec. Commands need a target."));
        QTest::qWait(20);
        pages.setCurrentIndex(1);
        QTest::qWait(20);
        const auto* const lead = banner->findChild<QLabel*>();
        QVERIFY(lead->isVisible());
        QVERIFY2(std::abs(lead->geometry().center().y() - banner->rect().center().y()) <= 1,
                 qPrintable(QStringLiteral("%1 of %2")
                                .arg(lead->geometry().center().y())
                                .arg(banner->height())));
    }

    void aBannerTakesASecondLine()
    {
        Banner banner;
        const QString path = QStringLiteral("/tmp/") + QString(70, QLatin1Char('x'));
        banner.setMessage(Severity::warning, QStringLiteral("Nothing is being recorded."),
                          path +
                              QStringLiteral(" could not be written: the disk is full. Free some "
                                             "space on that disk, or choose another folder."));
        banner.resize(1800, banner.height());
        banner.show();
        const auto* const text = banner.findChild<ElidedLabel*>();
        const int one = banner.height();
        QCOMPARE(text->linesAt(text->width()), 1);
        banner.resize(900, one);
        QTRY_VERIFY(banner.height() > one + QFontMetrics(text->font()).height() - 2);
        QCOMPARE(text->linesAt(text->width()), 2);
        QVERIFY(text->height() >= 2 * QFontMetrics(text->font()).height());
        banner.resize(300, banner.height());
        QCOMPARE(text->linesAt(text->width()), 2); // and no more
        banner.setMessage(Severity::info, {}, QStringLiteral("Short."));
        QTRY_COMPARE(banner.height(), one);
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
