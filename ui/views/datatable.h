// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

#include <QByteArray>
#include <QHash>
#include <QSet>
#include <QTimer>
#include <QTreeView>

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace poolscope {

class RowDelegate;

/// The house's table: columns that can be moved, sized, hidden and sorted, kept in settings per
/// page; rows of one height; a copy that puts raw values on the clipboard; single letters as
/// commands instead of a search by typing.
class DataTable : public QTreeView
{
    Q_OBJECT
public:
    /// `name` is the page's, for settings. `spanning`: group heads run across all columns.
    DataTable(const QString& name, bool spanning, QWidget* parent = nullptr);
    ~DataTable() override;

    void setModel(QAbstractItemModel* model) override;
    RowDelegate& rows() { return *delegate_; }
    /// Width in px at 96 dpi of each column; 0 leaves the default. The last visible one takes the
    /// rest.
    void setWidths(const std::vector<int>& widths);
    /// Which columns are shown when the user chose nothing, given the width of the table.
    void setAutomaticColumns(std::function<bool(int column, int width)> shown);
    /// That function answers otherwise now.
    void refitColumns() { fitColumns(); }
    /// Which column takes the rest instead of the last one.
    void setElastic(int column);
    /// Call once, after model and widths; default sort.
    void restoreColumns(int sortColumn, Qt::SortOrder order);
    /// A column that is shown or hidden by circumstance.
    void setAvailable(int column, bool available);

    /// Of the selected rows; group heads give none.
    std::vector<SessionKey> selectedKeys() const;
    std::optional<SessionKey> currentKey() const;
    /// Of the selected rows, the current one first: the order in which a detail shows them.
    std::vector<SessionKey> currentFirst() const;
    /// Makes it the one row that is selected, whatever keys are held down meanwhile: Qt's own way
    /// adds to a selection while Ctrl is.
    void choose(const QModelIndex& index);
    /// How tall head and all rows are that are not folded away.
    int contentHeight() const;
    /// Where a group's head is expanded or closed, by its text, so that a reset restores it.
    void restoreExpansion();
    void copySelection(bool withHead = false) const;

    /// Of a cell in a hidden column, such as the first one's: that of a cell beside it which is
    /// shown. Qt knows no place for those, and scrolls to none.
    QRect visualRect(const QModelIndex& index) const override;
    void scrollTo(const QModelIndex& index, ScrollHint hint = EnsureVisible) override;

signals:
    void letter(int key);
    void hovered(const std::optional<poolscope::SessionKey>& session);
    void chosen();

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void keyboardSearch(const QString&) override {}
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void drawRow(QPainter* painter, const QStyleOptionViewItem& option,
                 const QModelIndex& index) const override;
    void currentChanged(const QModelIndex& current, const QModelIndex& previous) override;
    void drawBranches(QPainter* painter, const QRect& rect,
                      const QModelIndex& index) const override;
    void selectionChanged(const QItemSelection& selected, const QItemSelection& gone) override;

private:
    void showColumnMenu(const QPoint& at);
    void fitColumns();
    bool shownAt(int column, int width) const;
    int laidOut(int column) const;
    int layoutWidth() const;
    int leastElastic() const;
    void shrinkToFit();
    int squeeze(int over, int elastic);
    int elasticColumn() const;
    void drawCells(QPainter* painter, const QStyleOptionViewItem& option,
                   const QModelIndex& index) const;
    void saveColumns();
    void writeColumns(bool aside) const;
    void rowsArrived(const QModelIndex& parent, int first, int last);
    bool comesOpen(const QModelIndex& head) const;
    QModelIndex besideHidden(const QModelIndex& index) const;

    QString name_;
    int elastic_ = -1;
    std::vector<int> widths_; ///< as laid out, in px at 96 dpi; 0 where nothing was said
    bool spanning_;
    RowDelegate* delegate_;
    std::function<bool(int, int)> automatic_;
    QHash<int, bool> wanted_; ///< the user's choice
    QSet<int> unavailable_;
    QSet<QString> closed_;
    QSet<QString> opened_; ///< of those that come closed
    QTimer save_;
    QByteArray header_; ///< to be kept
    bool ready_ = false;
    bool restoring_ = false;
    std::map<int, std::pair<int, int>> squeezed_; ///< column: its width before, and since
    bool shrunk_ = false;                         ///< columns are narrower than they are kept
};

} // namespace poolscope
