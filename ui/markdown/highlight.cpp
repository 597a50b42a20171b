#include "ui/markdown/highlight.h"

#include <QSet>

#include <algorithm>

namespace facet::ui::markdown {

namespace {

enum class Family { C, Script, Shell, Sql, Json, Markup, Other };

Family familyOf(const QString &language) {
    static const QHash<QString, Family> kFamilies = [] {
        QHash<QString, Family> map;
        for (const char *name :
             {"c",     "cpp",        "c++",  "cc",    "h",   "hpp",  "cxx",  "java", "js",     "javascript",
              "ts",    "typescript", "jsx",  "tsx",   "go",  "rust", "rs",   "cs",   "csharp", "kotlin",
              "swift", "php",        "dart", "scala", "css", "qml",  "glsl", "cuda"}) {
            map.insert(QLatin1String(name), Family::C);
        }
        for (const char *name :
             {"python", "py", "ruby", "rb", "perl", "r", "julia", "cmake", "yaml", "yml", "toml", "ini", "nim"}) {
            map.insert(QLatin1String(name), Family::Script);
        }
        for (const char *name : {"sh", "bash", "shell", "zsh", "console", "fish", "dockerfile", "makefile"}) {
            map.insert(QLatin1String(name), Family::Shell);
        }
        for (const char *name : {"sql", "sqlite", "lua", "haskell", "hs", "ada"}) {
            map.insert(QLatin1String(name), Family::Sql);
        }
        for (const char *name : {"json", "jsonc", "json5"}) {
            map.insert(QLatin1String(name), Family::Json);
        }
        for (const char *name : {"html", "xml", "svg", "qrc"}) {
            map.insert(QLatin1String(name), Family::Markup);
        }
        return map;
    }();
    return kFamilies.value(language.toLower(), Family::Other);
}

const QSet<QString> &keywordsOf(Family family) {
    const auto make = [](const char *words) {
        const QStringList list = QString::fromLatin1(words).split(QLatin1Char(' '));
        return QSet<QString>(list.begin(), list.end());
    };
    static const QSet<QString> kC =
        make("alignas auto bool break case catch char class const constexpr continue default delete do double else "
             "enum explicit export extends extern false final "
             "float fn for friend func function goto if impl implements import in inline int interface let long match "
             "mod mut namespace new noexcept null nullptr "
             "operator override package private protected pub public return self short signed sizeof static "
             "static_cast struct super switch template this throw true "
             "try type typedef typename union unsigned use using var virtual void volatile when where while async "
             "await of std string size_t uint8_t uint16_t "
             "uint32_t uint64_t int8_t int16_t int32_t int64_t usize i32 i64 u8 u32 u64 f32 f64 str String val defer "
             "go chan range select map include define");
    static const QSet<QString> kScript =
        make("and as assert async await break class continue def del elif else end except False finally for from "
             "global if import in is lambda module None nonlocal "
             "not or pass raise require return self then True try unless until while with yield true false nil null do "
             "begin function foreach endif endforeach "
             "endfunction set my sub use print");
    static const QSet<QString> kShell =
        make("if then else elif fi for while do done case esac in function return export local readonly set unset sudo "
             "apt apt-get cd echo cmake make git ninja pip "
             "npm docker FROM RUN COPY CMD ENTRYPOINT ENV WORKDIR mkdir rm cp mv ls cat grep sed curl");
    static const QSet<QString> kSql =
        make("select from where and or not insert into values update set delete create table index primary key foreign "
             "references join left right inner outer on group "
             "by order having limit offset as distinct null is in like between union all case when then else end begin "
             "commit rollback pragma integer text real blob "
             "local function return if elseif for while do repeat until nil true false module import data type "
             "instance let");
    static const QSet<QString> kJson = make("true false null");
    static const QSet<QString> kNone;
    switch (family) {
    case Family::C: return kC;
    case Family::Script: return kScript;
    case Family::Shell: return kShell;
    case Family::Sql: return kSql;
    case Family::Json: return kJson;
    default: return kNone;
    }
}

class LineScanner {
public:
    LineScanner(Family family, QStringView line, LineState &state) : m_family(family), m_line(line), m_state(state) {}

    QVector<TokenSpan> run() {
        if (m_state != LineState::Normal && !finishOpen()) {
            return m_spans;
        }
        while (m_at < m_line.size()) {
            if (!comment() && !quoted() && !number() && !word()) {
                ++m_at;
            }
        }
        return m_spans;
    }

private:
    void add(qsizetype start, qsizetype end, Token token) { m_spans.append({int(start), int(end - start), token}); }
    bool looking(QStringView what) const { return m_line.mid(m_at).startsWith(what); }

    // The rest of a comment or long string from the line before; false: the whole line belongs to it.
    bool finishOpen() {
        const bool isComment = m_state == LineState::BlockComment;
        const QStringView close = isComment                            ? QStringView(u"*/")
                                  : m_state == LineState::TripleDouble ? QStringView(u"\"\"\"")
                                                                       : QStringView(u"'''");
        const qsizetype end = m_line.indexOf(close, m_at);
        const Token token = isComment ? Token::Comment : Token::String;
        if (end < 0) {
            add(m_at, m_line.size(), token);
            return false;
        }
        add(m_at, end + close.size(), token);
        m_at = end + close.size();
        m_state = LineState::Normal;
        return true;
    }

    bool open(QStringView mark, LineState state) {
        const qsizetype start = m_at;
        m_state = state;
        m_at += mark.size();
        const qsizetype before = m_spans.size();
        if (!finishOpen()) {
            m_at = m_line.size();
        }
        m_spans[before].length += m_spans[before].start - int(start);
        m_spans[before].start = int(start);
        return true;
    }

    bool comment() {
        const bool slashes = m_family == Family::C, hash = m_family == Family::Script || m_family == Family::Shell;
        if (slashes && looking(u"/*")) {
            return open(u"/*", LineState::BlockComment);
        }
        const bool include = slashes && m_line[m_at] == QLatin1Char('#') && m_line.left(m_at).trimmed().isEmpty();
        if (include) {
            qsizetype end = m_at + 1;
            while (end < m_line.size() && m_line[end].isLetter()) ++end;
            add(m_at, end, Token::Keyword);
            m_at = end;
            return true;
        }
        const bool starts = (slashes && looking(u"//")) ||
                            (hash && m_line[m_at] == QLatin1Char('#') && (m_at == 0 || m_line[m_at - 1].isSpace())) ||
                            (m_family == Family::Sql && looking(u"--")) ||
                            (m_family == Family::Markup && looking(u"<!--"));
        if (!starts) {
            return false;
        }
        add(m_at, m_line.size(), Token::Comment);
        m_at = m_line.size();
        return true;
    }

    bool quoted() {
        const QChar quote = m_line[m_at];
        const bool isQuote = quote == QLatin1Char('"') ||
                             (quote == QLatin1Char('\'') && m_family != Family::Other && m_family != Family::Json) ||
                             (quote == QLatin1Char('`') && m_family == Family::C);
        if (!isQuote) {
            return false;
        }
        if (m_family == Family::Script && looking(u"\"\"\"")) {
            return open(u"\"\"\"", LineState::TripleDouble);
        }
        if (m_family == Family::Script && looking(u"'''")) {
            return open(u"'''", LineState::TripleSingle);
        }
        qsizetype end = m_at + 1;
        while (end < m_line.size() && m_line[end] != quote) {
            end += m_line[end] == QLatin1Char('\\') ? 2 : 1;
        }
        end = std::min(end + 1, m_line.size());
        bool key = false;
        if (m_family == Family::Json) {
            qsizetype next = end;
            while (next < m_line.size() && m_line[next].isSpace()) ++next;
            key = next < m_line.size() && m_line[next] == QLatin1Char(':');
        }
        add(m_at, end, key ? Token::Name : Token::String);
        m_at = end;
        return true;
    }

    bool number() {
        if (!m_line[m_at].isDigit()) {
            return false;
        }
        qsizetype end = m_at + 1;
        while (end < m_line.size() &&
               (m_line[end].isLetterOrNumber() || m_line[end] == QLatin1Char('.') || m_line[end] == QLatin1Char('_')))
            ++end;
        add(m_at, end, Token::Number);
        m_at = end;
        return true;
    }

    bool word() {
        if (!m_line[m_at].isLetter() && m_line[m_at] != QLatin1Char('_')) {
            return false;
        }
        qsizetype end = m_at + 1;
        while (end < m_line.size() && (m_line[end].isLetterOrNumber() || m_line[end] == QLatin1Char('_'))) ++end;
        const QString found = m_line.mid(m_at, end - m_at).toString();
        const QSet<QString> &keywords = keywordsOf(m_family);
        if (keywords.contains(found) || (m_family == Family::Sql && keywords.contains(found.toLower()))) {
            add(m_at, end, Token::Keyword);
        } else if (m_family != Family::Other && m_family != Family::Markup && end < m_line.size() &&
                   m_line[end] == QLatin1Char('(')) {
            add(m_at, end, Token::Name);
        } else if (m_family == Family::Markup && m_at > 0 &&
                   (m_line[m_at - 1] == QLatin1Char('<') || m_line[m_at - 1] == QLatin1Char('/'))) {
            add(m_at, end, Token::Keyword);
        }
        m_at = end;
        return true;
    }

    Family m_family;
    QStringView m_line;
    LineState &m_state;
    QVector<TokenSpan> m_spans;
    qsizetype m_at = 0;
};

} // namespace

QVector<TokenSpan> highlightLine(const QString &language, QStringView line, LineState &state) {
    constexpr qsizetype kMaxLine = 4096; // beyond that it is data, not code
    return LineScanner(familyOf(language), line.left(kMaxLine), state).run();
}

} // namespace facet::ui::markdown
