// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/views/basepage.h"
#include "ui/views/stackspageplaces.h"

#include <QTimer>

class QHBoxLayout;
class QLabel;
class QLineEdit;
class QPushButton;
class QScrollArea;

namespace poolscope {

class DataTable;
class IcicleView;
class LinkButton;
class PageTitle;
class Panel;
class SectionHead;
class SegmentedControl;

/// Which lines of code hold the connections: what is checked out at the cursor, or connection time
/// over the visible range, by acquire stack.
class StacksPage : public BasePage
{
    Q_OBJECT
public:
    StacksPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("stacks"); }
    QString title() const override { return tr("Stacks"); }
    QString iconName() const override { return QStringLiteral("stacks"); }
    void focusFilter() override;
    void setFilter(const QString& text) override;
    void nextGrouping() override;
    bool clearOne() override;

    IcicleView& icicle() { return *icicle_; }
    DataTable& table() { return *table_; }

protected:
    bool groups() const override { return true; }
    void refresh(const Update& update) override;
    void transportChanged() override;
    bool event(QEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    void makeBar();
    void makePanel();
    void makeTable();
    bool overRange() const;
    /// Asks what was held over the visible range.
    void ask();
    void rebuild();
    void arrange() override;
    void answer();
    void crumbs();
    void tellCell();
    void searched();
    void chooseRow();
    void rowChosen();
    void copyStack() const;
    QString emptyWords() const;

    PageTitle* title_;
    QWidget* bar_;
    SegmentedControl* span_;
    SegmentedControl* weight_;
    QLineEdit* search_;
    QLabel* found_;
    Panel* panel_;
    QHBoxLayout* crumbBox_;
    std::vector<LinkButton*> crumbs_;
    QLabel* here_;
    QLabel* total_;
    QScrollArea* scroll_;
    IcicleView* icicle_;
    QLabel* name_;
    QLabel* words_;
    QPushButton* copy_;
    Panel* linesPanel_;
    SectionHead* linesHead_;
    std::unique_ptr<TreeModel> model_;
    DataTable* table_;

    std::vector<HeldPlace> held_; ///< the latest answer
    bool answered_ = false;       ///< there was one since the last reset
    bool asking_ = false;
    bool again_ = false; ///< the range moved while an answer was awaited
    std::optional<Timestamp> asked_;
    std::vector<HeldLine> lines_;
    bool choosing_ = false;
    QTimer ask_;
};

} // namespace poolscope
