// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/configrows.h"
#include "ui/views/detailpanel.h"

namespace poolscope {

/// All there is to one finding of the configuration check: what is wrong, what to set instead as it
/// is written there, and the evidence.
class ConfigDetail : public DetailPanel
{
    Q_OBJECT
public:
    explicit ConfigDetail(QWidget* parent);

    void setFinding(const CheckInput& input, const ConfigFinding& finding, bool old);
    /// Instead of a finding.
    void setWords(const QString& words);
    bool hasLine() const { return !line_.isEmpty(); }
    /// The line that sets what is proposed, on the clipboard; false where there is none.
    bool copyLine();

private:
    enum Field { setting, is, proposed, system, rule };
    void setField(Field field, const QString& text);

    QLabel* sentence_;
    std::vector<std::pair<QLabel*, QLabel*>> fields_;
    SectionHead* writtenHead_;
    QPlainTextEdit* written_;
    SectionHead* evidenceHead_;
    QLabel* evidence_;
    QPushButton* copy_;
    QString line_;
};

} // namespace poolscope
