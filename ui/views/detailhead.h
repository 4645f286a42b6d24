// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/leak/judgement.h"
#include "core/model/session.h"
#include "ui/theme/glyphs.h"

#include <QWidget>

#include <optional>

namespace poolscope {

/// The first line of a detail: pid, state, and for how long.
class DetailHead : public QWidget
{
    Q_OBJECT
public:
    explicit DetailHead(QWidget* parent = nullptr);
    void setSession(const QString& pid, SessionState state, const QString& words,
                    const QString& age, LeakSeverity severity);
    /// A checkout or a place: what names it, how bad it is, what more there is to it.
    void setHolder(const QString& lead, LeakSeverity severity, const QString& words,
                   const QString& age);
    /// Something that is no holder: how bad it is, and what it is about.
    void setSubject(Severity severity, const QString& words);
    /// What it says is old: written in text3.
    void setOld(bool old);
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    bool old_ = false;
    bool holder_ = false;
    QString pid_, words_, age_;
    SessionState state_ = SessionState::unknown;
    LeakSeverity severity_ = LeakSeverity::none;
    std::optional<Severity> subject_; ///< instead of a holder's or a session's
};

} // namespace poolscope
