#include "text/jinja/json_writer.h"

#include <cmath>
#include <cstdio>

namespace facet::jinja {

namespace {

class Writer {
public:
    explicit Writer(int indent) : m_indent(indent) {}
    std::string take() { return std::move(m_out); }

    void write(const Value &value, int level) {
        if (value.isBool()) {
            m_out += value.truthy() ? "true" : "false";
        } else if (value.isFloat() && !std::isfinite(value.number())) {
            m_out += std::isnan(value.number()) ? "NaN" : value.number() > 0 ? "Infinity" : "-Infinity";
        } else if (value.isNumber()) {
            m_out += toText(value);
        } else if (value.text()) {
            text(*value.text());
        } else if (value.list()) {
            m_out += '[';
            for (const Value &item : value.list()->items) {
                separate(&item != &value.list()->items.front(), level + 1);
                write(item, level + 1);
            }
            close(']', value.list()->items.empty(), level);
        } else if (value.dict()) {
            m_out += '{';
            for (const auto &entry : value.dict()->items()) {
                separate(&entry != &value.dict()->items().front(), level + 1);
                text(entry.first);
                m_out += ": ";
                write(entry.second, level + 1);
            }
            close('}', value.dict()->items().empty(), level);
        } else {
            m_out += "null";
        }
    }

private:
    void separate(bool further, int level) {
        if (further) m_out += m_indent < 0 ? ", " : ",";
        newline(level);
    }
    void newline(int level) {
        if (m_indent < 0) return;
        m_out += '\n';
        m_out.append(static_cast<std::size_t>(m_indent) * static_cast<std::size_t>(level), ' ');
    }
    void close(char bracket, bool empty, int level) {
        if (!empty) newline(level);
        m_out += bracket;
    }
    void text(const std::string &value) {
        m_out += '"';
        for (const char c : value) {
            switch (c) {
            case '"': m_out += "\\\""; break;
            case '\\': m_out += "\\\\"; break;
            case '\n': m_out += "\\n"; break;
            case '\r': m_out += "\\r"; break;
            case '\t': m_out += "\\t"; break;
            case '\b': m_out += "\\b"; break;
            case '\f': m_out += "\\f"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    char escape[8];
                    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
                    m_out += escape;
                } else {
                    m_out += c;
                }
            }
        }
        m_out += '"';
    }

    int m_indent;
    std::string m_out;
};

}  // namespace

std::string writeJson(const Value &value, int indent) {
    Writer writer(indent);
    writer.write(value, 0);
    return writer.take();
}

}  // namespace facet::jinja
