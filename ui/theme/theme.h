// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/theme/tokens.h"

#include <QDBusVariant>
#include <QFont>
#include <QMargins>
#include <QObject>
#include <QSize>

#include <optional>

class QDBusPendingCallWatcher;
class QWidget;

namespace poolscope {

/// The window's look. There is one, made on first use and owned by the application object;
/// delegates and painted widgets ask Theme::current() while they paint, so nothing has to be handed
/// about. Widgets that cache something drawn listen to changed(). GUI thread.
///
/// Dynamic properties that the style sheet knows: QPushButton "kind" = "primary" or "danger";
/// QToolButton "segment" = "first", "middle", "last" or "only"; QLabel "role" = "caption",
/// "secondary".
class Theme : public QObject
{
    Q_OBJECT
public:
    enum class Mode { automatic, light, dark };
    enum class Density { compact, normal, comfortable };

    static Theme& current();
    /// "auto", "light", "dark"; nullopt for anything else.
    static std::optional<Mode> modeFromName(const QString& name);
    static QString nameOf(Mode mode);

    /// Puts style, palette, font and style sheet onto the application. Call once, after
    /// QApplication.
    void install();

    Mode mode() const { return mode_; }
    /// Automatic follows the desktop's color-scheme setting and its changes; light until it is
    /// known.
    void setMode(Mode mode);
    Density density() const { return density_; }
    void setDensity(Density density);

    const Tokens& tokens() const { return *tokens_; }
    bool isDark() const { return tokens_->dark; }

    /// How much larger than designed texts are, and with them all that stands beside them: 1 to 2,
    /// by the desktop's font at the start. What lies outside is taken as the nearest of these.
    /// Widgets take their lengths when they are made: set it before the first of them.
    double scale() const { return scale_; }
    void setScale(double scale);

    /// Height of a table's row: 20, 24 or 28, scaled with the desktop's font.
    int rowHeight() const;
    /// A length in px at 96 dpi, scaled with the desktop's font. All but hairlines, frames and
    /// dashes scale: what stands beside a text does as the text does.
    int scaled(int px) const;
    QSize scaled(const QSize& px) const { return {scaled(px.width()), scaled(px.height())}; }
    QMargins scaled(const QMargins& px) const
    {
        return {scaled(px.left()), scaled(px.top()), scaled(px.right()), scaled(px.bottom())};
    }
    /// The size of a window: scaled, but for what its screen has no room for. Never less than `px`.
    QSize sizeFor(const QWidget& window, const QSize& px) const;

    /// Interface text: Inter, else DejaVu Sans. Weights 400 and 600 only.
    QFont ui(int px = 13, QFont::Weight weight = QFont::Normal) const;
    /// Numbers, times, code: JetBrains Mono, else DejaVu Sans Mono, without joined characters.
    QFont mono(int px = 13, QFont::Weight weight = QFont::Normal) const;

signals:
    /// Colours, fonts or density are different now.
    void changed();

private slots:
    void schemeAnswered(QDBusPendingCallWatcher* watcher);
    void settingChanged(const QString& group, const QString& key, const QDBusVariant& value);

private:
    explicit Theme(QObject* parent);
    void followDesktop();
    void takeScheme(const QVariant& value);
    void update();

    Mode mode_ = Mode::light;
    Density density_ = Density::normal;
    const Tokens* tokens_;
    bool desktopDark_ = false;
    bool following_ = false;
    bool installed_ = false;
    double scale_ = 1.0;
    QString uiFamily_;
    QString monoFamily_;
};

} // namespace poolscope
