// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "ui/theme/glyphs.h"

#include <QElapsedTimer>
#include <QFrame>
#include <QTemporaryDir>
#include <QTimer>

class QLabel;
class QVBoxLayout;

namespace poolscope {

/// Attaches for a moment, through a capture of its own that never blocks the window, and says
/// inline what the server answered: version, slots, what the role may see and do, and the missing
/// grant.
class AttachTest : public QFrame
{
    Q_OBJECT
public:
    explicit AttachTest(QWidget* parent = nullptr);
    ~AttachTest() override;

    /// Where sources come from; by default the registry.
    void setSourceFactory(
        std::function<Result<std::unique_ptr<Source>>(TargetId, const AttachRequest&)> factory);
    void start(const AttachRequest& request);
    void stop();
    /// What was answered says nothing of another target.
    void forget();
    bool running() const { return workspace_ != nullptr; }
    /// What is shown, a line each.
    QStringList lines() const { return lines_; }

signals:
    void finished(bool reached);

private:
    void applied(const Update& update);
    void showFacts(const TargetSummary& target);
    void showAgent(const TargetSummary& target);
    void showPools(const TargetSummary& target);
    void addPools(const TargetSummary& target);
    void showTrouble(const QString& sentence, const QString& nextStep);
    void end(bool reached);
    void clear();
    void addLine(Severity severity, const QString& text, const QString& rest = {});
    void addCode(const QString& sql);

    Workspace::Options options_;
    QString target_;                        ///< what is asked
    std::shared_ptr<QTemporaryDir> folder_; ///< goes when the workspace has gone
    Workspace* workspace_ = nullptr;
    QElapsedTimer since_;
    QTimer patience_;
    QLabel* head_;
    QVBoxLayout* body_;
    QStringList lines_;
};

} // namespace poolscope
