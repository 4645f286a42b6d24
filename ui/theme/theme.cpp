// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/theme.h"

#include "ui/theme/controlstyle.h"
#include "ui/theme/stylesheet.h"

#include <QApplication>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QFileInfo>
#include <QFontDatabase>
#include <QFontInfo>
#include <QPalette>
#include <QPointer>
#include <QScreen>
#include <QWidget>

#include <algorithm>

namespace poolscope {

namespace {

constexpr double mostScale = 2.0;

QString firstFamily(const QStringList& wanted)
{
    const QStringList there = QFontDatabase::families();
    for (const QString& family : wanted)
        if (there.contains(family))
            return family;
    return wanted.last();
}

QPalette paletteOf(const Tokens& t)
{
    QPalette p;
    const auto all = {QPalette::Active, QPalette::Inactive, QPalette::Disabled};
    for (const QPalette::ColorGroup group : all) {
        const bool off = group == QPalette::Disabled;
        const QColor& text = off ? t.text3 : t.text;
        p.setColor(group, QPalette::Window, t.window);
        p.setColor(group, QPalette::Base, t.surface);
        p.setColor(group, QPalette::AlternateBase, t.alt);
        p.setColor(group, QPalette::Button, t.window);
        p.setColor(group, QPalette::WindowText, text);
        p.setColor(group, QPalette::Text, text);
        p.setColor(group, QPalette::ButtonText, text);
        p.setColor(group, QPalette::PlaceholderText, t.text3);
        p.setColor(group, QPalette::BrightText, t.crit);
        p.setColor(group, QPalette::Link, t.accent);
        p.setColor(group, QPalette::LinkVisited, t.accent);
        p.setColor(group, QPalette::Highlight, t.sel);
        p.setColor(group, QPalette::HighlightedText, t.text);
        p.setColor(group, QPalette::Light, t.surface);
        p.setColor(group, QPalette::Midlight, t.line);
        p.setColor(group, QPalette::Mid, t.line);
        p.setColor(group, QPalette::Dark, t.line2);
        p.setColor(group, QPalette::Shadow, t.line2);
        p.setColor(group, QPalette::ToolTipBase, t.surface);
        p.setColor(group, QPalette::ToolTipText, t.text);
    }
    return p;
}

/// Asking for a bus that is not there may start one or wait; so only where one is announced.
bool sessionBusAnnounced()
{
    if (!qEnvironmentVariableIsEmpty("DBUS_SESSION_BUS_ADDRESS"))
        return true;
    const QString runtime = qEnvironmentVariable("XDG_RUNTIME_DIR");
    return !runtime.isEmpty() && QFileInfo::exists(runtime + QStringLiteral("/bus"));
}

const QString portalPath = QStringLiteral("/org/freedesktop/portal/desktop");
const QString portalSettings = QStringLiteral("org.freedesktop.portal.Settings");
const QString appearance = QStringLiteral("org.freedesktop.appearance");
const QString colorScheme = QStringLiteral("color-scheme");

} // namespace

Theme::Theme(QObject* parent)
    : QObject(parent)
    , tokens_(&lightTokens())
    , uiFamily_(firstFamily({QStringLiteral("Inter"), QStringLiteral("DejaVu Sans")}))
    , monoFamily_(
          firstFamily({QStringLiteral("JetBrains Mono"), QStringLiteral("DejaVu Sans Mono")}))
{
    // A desktop whose font is larger than usual (11 pt) asks for larger text everywhere.
    const double usual = 11.0 * 96.0 / 72.0;
    const int px = QFontInfo(QFontDatabase::systemFont(QFontDatabase::GeneralFont)).pixelSize();
    scale_ = std::clamp(px / usual, 1.0, mostScale);
    desktopDark_ = QApplication::palette().color(QPalette::Window).lightness() < 128;
}

Theme& Theme::current()
{
    static QPointer<Theme> theme;
    if (!theme)
        theme = new Theme(qApp);
    return *theme;
}

std::optional<Theme::Mode> Theme::modeFromName(const QString& name)
{
    for (const Mode mode : {Mode::automatic, Mode::light, Mode::dark})
        if (name == nameOf(mode))
            return mode;
    return std::nullopt;
}

QString Theme::nameOf(Mode mode)
{
    if (mode == Mode::automatic)
        return QStringLiteral("auto");
    return mode == Mode::dark ? QStringLiteral("dark") : QStringLiteral("light");
}

void Theme::install()
{
    QApplication::setStyle(new ControlStyle);
    installed_ = true;
    update();
}

void Theme::setMode(Mode mode)
{
    mode_ = mode;
    if (mode == Mode::automatic)
        followDesktop();
    update();
}

void Theme::setDensity(Density density)
{
    if (density_ == density)
        return;
    density_ = density;
    emit changed();
}

void Theme::setScale(double scale)
{
    scale_ = std::clamp(scale, 1.0, mostScale);
    update();
}

void Theme::followDesktop()
{
    if (following_ || !sessionBusAnnounced())
        return;
    following_ = true;
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected())
        return;
    // Without a service name here: Qt would ask for the name's owner and wait for the answer.
    bus.connect(QString(), portalPath, portalSettings, QStringLiteral("SettingChanged"), this,
                SLOT(settingChanged(QString, QString, QDBusVariant)));
    QDBusMessage call =
        QDBusMessage::createMethodCall(QStringLiteral("org.freedesktop.portal.Desktop"), portalPath,
                                       portalSettings, QStringLiteral("Read"));
    call << appearance << colorScheme;
    auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(call), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, &Theme::schemeAnswered);
}

void Theme::schemeAnswered(QDBusPendingCallWatcher* watcher)
{
    const QDBusPendingReply<QDBusVariant> reply = *watcher;
    watcher->deleteLater();
    if (!reply.isError())
        takeScheme(reply.value().variant());
}

void Theme::settingChanged(const QString& group, const QString& key, const QDBusVariant& value)
{
    if (group == appearance && key == colorScheme)
        takeScheme(value.variant());
}

void Theme::takeScheme(const QVariant& value)
{
    QVariant inner = value;
    while (inner.canConvert<QDBusVariant>())
        inner = inner.value<QDBusVariant>().variant();
    bool number = false;
    const uint scheme = inner.toUInt(&number);
    if (!number || scheme == 0) // 0: the desktop has no preference, so its palette decides
        return;
    desktopDark_ = scheme == 1;
    if (mode_ == Mode::automatic)
        update();
}

void Theme::update()
{
    const bool dark = mode_ == Mode::dark || (mode_ == Mode::automatic && desktopDark_);
    tokens_ = dark ? &darkTokens() : &lightTokens();
    if (installed_) {
        QApplication::setPalette(paletteOf(*tokens_));
        QApplication::setFont(ui());
        qApp->setStyleSheet(styleSheetFor(*tokens_, scale_));
    }
    emit changed();
}

int Theme::rowHeight() const
{
    switch (density_) {
    case Density::compact:
        return scaled(20);
    case Density::comfortable:
        return scaled(28);
    case Density::normal:
        break;
    }
    return scaled(24);
}

int Theme::scaled(int px) const
{
    return qRound(px * scale_);
}

QSize Theme::sizeFor(const QWidget& window, const QSize& px) const
{
    return scaled(px).boundedTo(window.screen()->availableSize()).expandedTo(px);
}

QFont Theme::ui(int px, QFont::Weight weight) const
{
    QFont font(uiFamily_);
    font.setPixelSize(scaled(px));
    font.setWeight(weight);
    return font;
}

QFont Theme::mono(int px, QFont::Weight weight) const
{
    QFont font(monoFamily_);
    font.setPixelSize(scaled(px));
    font.setWeight(weight);
    font.setStyleHint(QFont::Monospace);
    // JetBrains Mono joins "!=" and "->"; an inspector shows the characters that are there.
    font.setStyleStrategy(QFont::PreferNoShaping);
    return font;
}

} // namespace poolscope
