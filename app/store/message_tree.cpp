#include "store/message_tree.h"

#include <algorithm>

namespace facet::store {

void MessageTree::add(qint64 id, qint64 parent) {
    const qint64 known = parent < id && m_parents.contains(parent) ? parent : 0;
    m_parents.insert(id, known);
    m_children[known].append(id);
    m_newest = std::max(m_newest, id);
}

QVector<qint64> MessageTree::branchTo(qint64 last) const {
    QVector<qint64> branch;
    // Ids fall on the way up, so this ends.
    for (qint64 id = m_parents.contains(last) ? last : m_newest; id > 0; id = m_parents.value(id)) {
        branch.append(id);
    }
    std::reverse(branch.begin(), branch.end());
    return branch;
}

QVector<qint64> MessageTree::branchThrough(qint64 id) const {
    if (!m_parents.contains(id)) {
        return branchTo(m_newest);
    }
    qint64 last = id;
    for (auto children = m_children.find(last); children != m_children.end(); children = m_children.find(last)) {
        last = children->last();
    }
    return branchTo(last);
}

QVector<qint64> MessageTree::versionsOf(qint64 id) const {
    const QVector<qint64> all = m_children.value(m_parents.value(id));
    return all.size() > 1 && all.contains(id) ? all : QVector<qint64>();
}

} // namespace facet::store
