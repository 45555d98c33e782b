#pragma once

#include <sinter/export.h>
#include <sinter/nn/module.h>

// What tells attention where its words stand. Positions are integers, from 0 on: arange(t) of a whole text,
// or those of the words that come next (KeyValueCache::positions).
namespace SINTER_EXPORT sinter {

// Rotary position embedding of x [...,t,w], queries or keys: RoFormer (Su et al. 2021), with elements i and
// i + w/2 as a pair, as in LLaMA, which turns by position / base^(2i/w). `positions` broadcasts to [...,t].
Tensor rotary(Operand x, Operand positions, double base = 10000);

// What is added to the scores of attention with linear biases (Press et al. 2021): -slope * |query - key|, of
// positions [t] and [s], for each head: [heads,t,s]. Slopes are 2^(-8/heads), 2^(-16/heads), ...; where
// `heads` is no power of two, those of the power below, and then every second one of twice that power.
Tensor alibi(int64_t heads, Operand queries, Operand keys);

// Attention Is All You Need (Vaswani et al. 2017), 3.5: element 2i is sin(position / base^(2i/width)), 2i + 1
// its cos. positions [b] give [b,width].
Tensor sinusoidal(Operand positions, int64_t width, double base = 10000);

}  // namespace sinter
