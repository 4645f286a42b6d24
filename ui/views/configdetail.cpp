// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/configdetail.h"

#include "ui/models/formatter.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/panel.h"
#include "ui/theme/prose.h"
#include "ui/theme/theme.h"
#include "ui/views/detailhead.h"

#include <QClipboard>
#include <QGridLayout>
#include <QGuiApplication>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

namespace {

constexpr std::size_t longestProse = 2000;

Severity glyphOf(ConfigSeverity severity)
{
    return severity == ConfigSeverity::critical  ? Severity::critical
           : severity == ConfigSeverity::warning ? Severity::warning
                                                 : Severity::info;
}

} // namespace

ConfigDetail::ConfigDetail(QWidget* parent)
    : DetailPanel(tr("Details of the finding"), QStringLiteral("configEmpty"), parent)
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    sentence_ = prose();
    sentence_->setObjectName(QStringLiteral("configSentence"));
    setPadding(*sentence_, {pad, Theme::current().scaled(2), pad, Theme::current().scaled(10)});
    sections()->addWidget(sentence_);
    addHead(tr("Setting"));
    QGridLayout* const form = addForm();
    const auto add = [&](const QString& caption, const char* name, bool mono) {
        fields_.push_back(addField(form, caption, mono));
        fields_.back().second->setObjectName(QLatin1String(name));
    };
    add(tr("setting"), "configSetting", true);
    add(tr("is"), "configValue", true);
    add(tr("proposed"), "configProposed", true);
    add(tr("kind"), "configSystem", false);
    add(tr("rule"), "configRule", true);
    // A server's setting may be as long as the panel is wide, and a label breaks no word.
    fields_.front().second->setFont(Theme::current().mono(10));
    writtenHead_ = addHead(tr("As it is written"));
    written_ = addStatement();
    written_->setObjectName(QStringLiteral("configLine"));
    written_->setAccessibleName(tr("The line to paste"));
    evidenceHead_ = addHead(tr("Evidence"));
    evidence_ = prose();
    evidence_->setObjectName(QStringLiteral("configEvidence"));
    addPadded(evidence_);
    copy_ = new QPushButton(tr("Copy setting"), this);
    copy_->setObjectName(QStringLiteral("copySetting"));
    copy_->setToolTip(QStringLiteral("%1 (%2)").arg(
        tr("Copies the line as it is written there"),
        QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_C).toString(QKeySequence::NativeText)));
    connect(copy_, &QPushButton::clicked, this, &ConfigDetail::copyLine);
    addFoot({copy_}, QStringLiteral("configReason"));
    setWords(tr("Select a setting to see why, and what to set instead."));
}

void ConfigDetail::setField(Field field, const QString& text)
{
    const auto& [caption, value] = fields_.at(static_cast<std::size_t>(field));
    showField(caption, value, !text.isEmpty());
    setTextOnce(value, text);
}

void ConfigDetail::setFinding(const CheckInput& input, const ConfigFinding& finding, bool old)
{
    showSections();
    head().setSubject(glyphOf(finding.severity),
                      QStringLiteral("%1, %2").arg(severityWords(finding.severity),
                                                   subjectWords(input, finding)));
    setTextOnce(sentence_, unbroken(Formatter::line(finding.sentence, longestProse)));
    line_ = settingLine(input, finding);
    setField(setting, Formatter::line(finding.setting, 128));
    setField(is, finding.value == "-" ? tr("not set") : Formatter::line(finding.value, 128));
    setField(proposed,
             finding.proposed.empty() ? tr("it depends") : Formatter::line(finding.proposed, 128));
    setField(system, systemWords(input, finding));
    writtenHead_->setVisible(!line_.isEmpty());
    written_->setVisible(!line_.isEmpty());
    setStatement(written_, line_);
    setField(rule, Formatter::line(finding.rule, 64));
    QStringList sentences;
    for (const std::string& each : finding.evidence)
        sentences += unbroken(Formatter::line(each, longestProse));
    evidenceHead_->setVisible(!sentences.isEmpty());
    evidence_->setVisible(!sentences.isEmpty());
    setTextOnce(evidence_, sentences.join(QLatin1Char('\n')));
    copy_->setEnabled(!line_.isEmpty());
    setReason(!line_.isEmpty()           ? QString()
              : finding.proposed.empty() ? tr("What to set instead depends on the application.")
                                         : tr("How this pool calls that setting is not known."));
    setOld(old);
}

void ConfigDetail::setWords(const QString& words)
{
    line_.clear();
    showNothing(words);
}

bool ConfigDetail::copyLine()
{
    if (line_.isEmpty())
        return false;
    QGuiApplication::clipboard()->setText(line_);
    return true;
}

} // namespace poolscope
