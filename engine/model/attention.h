// Self-attention of one text layer (text.md 2.5): projections, norms, rotation, cache, output projection.
#pragma once

#include "load/config.h"
#include "model/float_buffer.h"
#include "model/text_pass.h"
#include "model/text_weights.h"

namespace facet {

class Attention {
public:
    Attention(const Exec &exec, const TextConfig &config) : m_exec(exec), m_config(config) {}

    struct Want {
        bool queries = true;
        bool keys = true; // ignored on layers that share keys
    };
    // a: [rows, H], the normed input. Queries are kept for output(), keys and values go to the rows' caches.
    void project(int layer, const LayerWeights &w, const float *a, const PassRows &rows, Want want);
    // out: [rows, H], after the output projection; for the rows whose queries were projected last.
    void output(int layer, const LayerWeights &w, const PassRows &rows, float *out);

private:
    const Exec &m_exec;
    const TextConfig &m_config;
    FloatBuffer m_queries, m_keys, m_values, m_attended;
};

} // namespace facet
