// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/comparisondetail.h"

#include "ui/models/formatter.h"
#include "ui/theme/panel.h"
#include "ui/theme/prose.h"
#include "ui/theme/theme.h"
#include "ui/views/detailhead.h"
#include "ui/views/framelist.h"

#include <QGridLayout>
#include <QVBoxLayout>

namespace poolscope {

namespace {

QString figureWords(const compare::Change& change, const compare::Figure& figure)
{
    return figure.value ? Formatter::line(compare::in_words(change.measure, figure.value))
                        : Formatter::notReported();
}

QString basisWords(const compare::Figure& figure)
{
    return figure.observed > 0 ? basisOf(figure) : QString();
}

} // namespace

ComparisonDetail::ComparisonDetail(QWidget* parent)
    : DetailPanel(tr("Details of the figure"), QStringLiteral("comparisonEmpty"), parent)
{
    const int pad = Theme::current().scaled(metrics::panelPadding);
    sentence_ = prose();
    sentence_->setObjectName(QStringLiteral("comparisonSentence"));
    setPadding(*sentence_, {pad, Theme::current().scaled(2), pad, Theme::current().scaled(10)});
    sections()->addWidget(sentence_);
    addHead(tr("Figure"));
    QGridLayout* const form = addForm();
    where_ = addField(form, tr("of"), false).second;
    before_ = addField(form, tr("before"), true).second;
    beforeBasis_ = addField(form, QString(), false).second;
    after_ = addField(form, tr("after"), true).second;
    afterBasis_ = addField(form, QString(), false).second;
    change_ = addField(form, tr("change"), false).second;
    before_->setObjectName(QStringLiteral("comparisonBefore"));
    after_->setObjectName(QStringLiteral("comparisonAfter"));
    stackHead_ = addHead(tr("Acquire stack"));
    stack_ = new FrameList(this);
    stack_->setObjectName(QStringLiteral("comparisonStack"));
    stack_->setAccessibleName(tr("Acquire stack"));
    sections()->addWidget(stack_);
    setWords(tr("Select a figure to see what it rests on."));
}

void ComparisonDetail::setChange(const compare::Change& change)
{
    showSections();
    const QString what = Formatter::line(compare::what_of(change), 400);
    const QString where = Formatter::line(compare::where_of(change), 300);
    head().setSubject(Severity::info, Formatter::line(compare::measure_of(change)));
    const bool changed = compare::is_change(change.verdict);
    sentence_->setVisible(changed);
    setTextOnce(sentence_, changed ? unbroken(Formatter::line(compare::sentence_of(change), 1000))
                                   : QString());
    setTextOnce(where_, what.isEmpty() ? where : QStringLiteral("%1, %2").arg(what, where));
    setTextOnce(before_, figureWords(change, change.before));
    setTextOnce(beforeBasis_, basisWords(change.before));
    setTextOnce(after_, figureWords(change, change.after));
    setTextOnce(afterBasis_, basisWords(change.after));
    setTextOnce(change_, verdictWords(change));
    const bool stacked = change.stack && !change.stack->lines.empty();
    stackHead_->setVisible(stacked);
    stack_->setVisible(stacked);
    stack_->setStack(stacked ? change.stack : StackRef{}, LeakSeverity::none);
}

void ComparisonDetail::setWords(const QString& words)
{
    showNothing(words);
}

} // namespace poolscope
