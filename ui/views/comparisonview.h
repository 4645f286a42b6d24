// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/comparerows.h"

#include <QWidget>

class QBoxLayout;
class QLabel;

namespace poolscope {

class ComparisonDetail;
class DataTable;

/// What changed between two ranges: the answer as a sentence, what was compared, and every figure
/// side by side. Shows one comparison for as long as it lives.
class ComparisonView : public QWidget
{
    Q_OBJECT
public:
    /// `now`: instants of its day come without a date.
    ComparisonView(std::shared_ptr<const compare::Comparison> comparison, const Formatter& format,
                   Timestamp now, QWidget* parent = nullptr);
    ~ComparisonView() override;

    DataTable& table() { return *table_; }

private:
    void addWords(QBoxLayout* into, const CompareWords& words);
    void addNotes(QBoxLayout* into, const QStringList& notes);
    void makeTable();
    void showChosen();
    QLabel* prose(const QString& text, const char* name, const char* role);

    std::shared_ptr<const compare::Comparison> comparison_;
    std::unique_ptr<TreeModel> model_;
    DataTable* table_;
    ComparisonDetail* detail_;
};

} // namespace poolscope
