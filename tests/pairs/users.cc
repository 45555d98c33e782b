#include <algorithm>
#include <cmath>

#include "tests/pairs/scene.h"

namespace sinter::test {
namespace {

using graph::Builder;
using graph::DType;
using graph::OpCode;
using graph::Shape;
using graph::Value;
using List = std::vector<int64_t>;
using Values = std::vector<Value>;

Value apply_op(Scene& s, OpCode code, Values operands, graph::Attributes attributes = {}) {
  return s.b.emit(code, std::move(operands), std::move(attributes)).result();
}

Shape matrix(const Size& z) {
  return {z.m, z.k};
}
Shape three(const Size& z) {
  return {z.b, z.m, z.k};
}
// Heads are narrow, as attention takes the tests long.
int64_t width(const Size& z) {
  return std::min<int64_t>(z.k, 6);
}
Shape heads(const Size& z) {
  return {z.b, z.h, z.m, width(z)};
}
Shape scores(const Size& z) {
  return {z.b, z.h, z.m, z.n};
}

// x times a parameter of `other`; x is the lhs, or with `is_rhs` the rhs.
User contraction(std::string name, std::string dims, bool is_rhs, DType dtype = DType::f32) {
  const auto shape_of = [](const std::string& letters, const Size& z) {
    Shape shape;
    for (const char letter : letters)
      shape.push_back(letter == 'b'   ? z.b
                      : letter == 'h' ? z.h
                      : letter == 'm' ? z.m
                      : letter == 'n' ? z.n
                                      : z.k);
    return shape;
  };
  const size_t comma = dims.find(','), arrow = dims.find("->");
  const std::string lhs = dims.substr(0, comma), rhs = dims.substr(comma + 1, arrow - comma - 1);
  return {std::move(name), [=](const Size& z) { return shape_of(is_rhs ? rhs : lhs, z); },
          [=](Scene& s, Value x, const Size& z) {
            const Value other = s.tensor(shape_of(is_rhs ? lhs : rhs, z));
            return Values{apply_op(s, OpCode::contract, is_rhs ? Values{other, x} : Values{x, other},
                                   {{"dims", dims}})};
          },
          dtype, [](const Size&) { return 5; }};
}

// One op on x alone.
User alone(std::string name, Shape (*shape)(const Size&), OpCode code, graph::Attributes attributes) {
  return {std::move(name), shape, [=](Scene& s, Value x, const Size&) {
            graph::Op& op = s.b.emit(code, {x}, attributes);
            Values results;
            for (size_t i = 0; i < op.results.size(); ++i) results.push_back(op.result(static_cast<int>(i)));
            return results;
          }};
}

Value scale_of(Scene& s, Value x, const Size& z) {
  return s.b.mul(x, s.b.constant_like(1 / std::sqrt(static_cast<double>(z.k)), x));
}
// Attention written out, with scores that `change` makes of the products.
Value by_hand(Scene& s, const Size& z, Value q, Value k, Value v, const std::function<Value(Value)>& change) {
  const Value products = scale_of(s, s.b.contract(q, k, "bhmk,bhnk->bhmn"), z);
  const Value weights = apply_op(s, OpCode::softmax, {change(products)}, {{"axis", 3}});
  return s.b.contract(weights, v, "bhmn,bhnk->bhmk");
}
Shape keys(const Size& z) {
  return {z.b, z.h, z.n, width(z)};
}
Value composite_attention(Scene& s, const Size& z, Value x, int place, graph::Attributes attributes) {
  attributes.set("scale", 0.3);
  Values operands = {place == 0 ? x : s.real(heads(z)), place == 1 ? x : s.real(keys(z)),
                     place == 2 ? x : s.real(keys(z))};
  if (place == 3) operands.push_back(x);
  return apply_op(s, OpCode::attention, operands, attributes);
}

std::vector<User> contractions() {
  return {
      contraction("contract_lhs", "mk,kn->mn", false),
      contraction("contract_lhs_turned", "km,kn->mn", false),
      contraction("contract_lhs_result_turned", "mk,kn->nm", false),
      contraction("contract_lhs_free", "bmk,kn->bmn", false),
      contraction("contract_lhs_dot", "mk,k->m", false),
      contraction("contract_lhs_vector", "k,kn->n", false),
      contraction("contract_lhs_column", "mk,nk->mn", false),
      contraction("contract_rhs", "mk,kn->mn", true),
      contraction("contract_rhs_turned", "mk,nk->mn", true),
      contraction("contract_rhs_dot", "k,nk->n", true),
      contraction("contract_rhs_outer", "m,n->mn", true),
      contraction("contract_batch_lhs", "bmk,bkn->bmn", false),
      contraction("contract_batch_lhs_turned", "bkm,bkn->bmn", false),
      contraction("contract_batch_rhs", "bmk,bkn->bmn", true),
      contraction("contract_batch_rhs_turned", "bmk,bnk->bmn", true),
      contraction("contract_batch_inside", "mbk,nbk->bmn", true),
      contraction("contract_batch_heads", "bmhk,bnhk->bhmn", false),
      contraction("contract_batch_values", "bhmn,bnhk->bmhk", true),
      contraction("contract_batch_sum", "bmk,bmn->kn", false),
      contraction("contract_i32", "bmk,bkn->bmn", false, DType::i32),
      {"contract_itself", matrix,
       [](Scene& s, Value x, const Size&) { return Values{s.b.contract(x, x, "mk,nk->mn")}; }},
      {"contract_then_add",
       [](const Size& z) {
         return Shape{z.m, z.n};
       },
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.add(s.b.contract(s.real({z.m, z.k}), s.real({z.k, z.n}), "mk,kn->mn"), x)};
       }},
      {"contract_then_gelu_bias", [](const Size& z) { return Shape{z.n}; },
       [](Scene& s, Value x, const Size& z) {
         const Value y = s.b.contract(s.real({z.m, z.k}), s.real({z.k, z.n}), "mk,kn->mn");
         return Values{apply_op(s, OpCode::gelu, {s.b.add(y, x)})};
       }},
      {"contract_two", matrix,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.contract(x, s.real({z.k, z.n}), "mk,kn->mn"),
                       s.b.contract(x, s.real({z.k, z.k}), "mk,kn->mn")};
       }},
      {"linear_layers", matrix,
       [](Scene& s, Value x, const Size& z) {
         const Value y = apply_op(s, OpCode::relu, {s.b.contract(x, s.real({z.k, z.n}), "mk,kn->mn")});
         return Values{s.b.contract(y, s.real({z.n, z.k}), "mk,kn->mn")};
       }},
  };
}

std::vector<User> rows() {
  const auto reduction = [](std::string name, OpCode code, List axes) {
    return alone(std::move(name), three, code, {{"axes", std::move(axes)}});
  };
  return {
      reduction("reduce_sum_first", OpCode::reduce_sum, {0}),
      reduction("reduce_sum_middle", OpCode::reduce_sum, {1}),
      reduction("reduce_sum_last", OpCode::reduce_sum, {2}),
      reduction("reduce_sum_outer", OpCode::reduce_sum, {0, 1}),
      reduction("reduce_sum_around", OpCode::reduce_sum, {0, 2}),
      reduction("reduce_sum_all", OpCode::reduce_sum, {0, 1, 2}),
      reduction("reduce_max_first", OpCode::reduce_max, {0}),
      reduction("reduce_max_last", OpCode::reduce_max, {2}),
      reduction("reduce_min_middle", OpCode::reduce_min, {1}),
      reduction("argmax", OpCode::argmax, {2}),
      reduction("variance_last", OpCode::variance, {2}),
      reduction("variance_first", OpCode::variance, {0, 1}),
      {"sum_of_squares", three,
       [](Scene& s, Value x, const Size&) { return Values{s.b.reduce_sum(s.b.mul(x, x), {2})}; }},
      {"weighted_sum", three,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.reduce_sum(s.b.mul(x, s.real(three(z))), {0})};
       }},
      {"sums_both_ways", matrix,
       [](Scene& s, Value x, const Size&) {
         return Values{s.b.reduce_sum(x, {0}), s.b.reduce_sum(x, {1})};
       }},
      alone("softmax_last", three, OpCode::softmax, {{"axis", 2}}),
      alone("softmax_middle", three, OpCode::softmax, {{"axis", 1}}),
      alone("log_softmax", three, OpCode::log_softmax, {{"axis", 2}}),
      {"softmax_by_hand", three,
       [](Scene& s, Value x, const Size&) {
         const Value e = s.b.exp(s.b.sub(x, s.b.reduce_max(x, {2}, true)));
         return Values{s.b.div(e, s.b.reduce_sum(e, {2}, true))};
       }},
      {"cross_entropy", matrix,
       [](Scene& s, Value x, const Size& z) {
         return Values{apply_op(s, OpCode::cross_entropy, {x, s.integers({z.m}, z.k)})};
       }},
      {"cross_entropy_weights", [](const Size& z) { return Shape{z.k}; },
       [](Scene& s, Value x, const Size& z) {
         const Value weights = s.b.add(s.b.mul(x, x), s.b.constant_like(0.5, x));
         return Values{
             apply_op(s, OpCode::cross_entropy, {s.real(matrix(z)), s.integers({z.m}, z.k), weights})};
       }},
      {"layer_norm", three,
       [](Scene& s, Value x, const Size& z) {
         return Values{
             apply_op(s, OpCode::layer_norm, {x, s.real({z.k}), s.real({z.k})}, {{"epsilon", 0.1}})};
       }},
      {"layer_norm_scale", [](const Size& z) { return Shape{z.k}; },
       [](Scene& s, Value x, const Size& z) {
         return Values{
             apply_op(s, OpCode::layer_norm, {s.real(three(z)), x, s.real({z.k})}, {{"epsilon", 0.1}})};
       }},
      {"layer_norm_of_sum", three,
       [](Scene& s, Value x, const Size& z) {
         const Value sum = s.b.add(x, s.real(three(z)));
         return Values{sum, apply_op(s, OpCode::layer_norm, {sum}, {{"epsilon", 0.1}})};
       }},
      {"rms_norm", three,
       [](Scene& s, Value x, const Size& z) {
         return Values{apply_op(s, OpCode::rms_norm, {x, s.real({z.k})}, {{"epsilon", 0.1}})};
       }},
  };
}

std::vector<User> attentions() {
  const auto composite = [](std::string name, Shape (*shape)(const Size&), int place,
                            graph::Attributes attributes = {}) {
    return User{std::move(name), shape, [=](Scene& s, Value x, const Size& z) {
                  return Values{composite_attention(s, z, x, place, attributes)};
                }};
  };
  const auto in_scores = [](std::string name, std::function<Shape(const Size&)> shape) {
    return User{std::move(name), shape, [](Scene& s, Value x, const Size& z) {
                  return Values{by_hand(s, z, s.real(heads(z)), s.real(keys(z)), s.real(keys(z)),
                                        [&](Value scores) { return s.b.add(scores, x); })};
                }};
  };
  return {
      composite("attention_q", heads, 0),
      composite("attention_k", keys, 1, {{"causal", true}}),
      composite("attention_v", keys, 2),
      composite("attention_bias", scores, 3, {{"bias", true}}),
      {"attention_itself", heads,
       [](Scene& s, Value x, const Size&) {
         return Values{apply_op(s, OpCode::attention, {x, x, x}, {{"scale", 0.3}, {"causal", true}})};
       }},
      {"attention_by_hand_q", heads,
       [](Scene& s, Value x, const Size& z) {
         return Values{by_hand(s, z, x, s.real(keys(z)), s.real(keys(z)), [](Value y) { return y; })};
       }},
      in_scores("attention_scores", scores),
      in_scores("attention_scores_of_queries",
                [](const Size& z) {
                  return Shape{z.m, z.n};
                }),
      {"attention_scores_of_keys",
       [](const Size& z) {
         return Shape{z.b, z.n};
       },
       [](Scene& s, Value x, const Size& z) {
         return Values{by_hand(s, z, s.real(heads(z)), s.real(keys(z)), s.real(keys(z)), [&](Value y) {
           return s.b.add(y, s.b.broadcast(x, y.shape(), {0, 3}));
         })};
       }},
      {"attention_mask",
       [](const Size& z) {
         return Shape{z.b, 1, z.m, z.n};
       },
       [](Scene& s, Value x, const Size& z) {
         const Value q = s.real(heads(z)), k = s.real(keys(z)), v = s.real(keys(z));
         return Values{apply_op(s, OpCode::attention, {q, k, v, x}, {{"scale", 0.3}, {"mask", true}})};
       },
       DType::boolean},
      {"attention_select", scores,
       [](Scene& s, Value x, const Size& z) {
         return Values{by_hand(s, z, s.real(heads(z)), s.real(keys(z)), s.real(keys(z)),
                               [&](Value y) { return s.b.select(x, y, s.b.constant_like(-1e9, y)); })};
       },
       DType::boolean},
      {"attention_lengths", [](const Size& z) { return Shape{z.b}; },
       [](Scene& s, Value x, const Size& z) {
         const Value q = s.real(heads(z)), k = s.real(keys(z)), v = s.real(keys(z));
         return Values{apply_op(s, OpCode::attention, {q, k, v, x}, {{"scale", 0.3}, {"lengths", true}})};
       },
       DType::i32, [](const Size& z) { return z.n + 1; }},
      {"weights_of_queries", heads,
       [](Scene& s, Value x, const Size& z) {
         return Values{apply_op(s, OpCode::attention_weights, {x, s.real(keys(z))},
                                {{"scale", 0.3}, {"causal", true}})};
       }},
      {"attention_weights",
       [](const Size& z) {
         return Shape{z.b, z.h, z.n, z.k};
       },
       [](Scene& s, Value x, const Size& z) {
         const Value weights = apply_op(s, OpCode::softmax, {s.real(scores(z))}, {{"axis", 3}});
         return Values{s.b.contract(weights, x, "bhmn,bhnk->bhmk")};
       }},
  };
}

std::vector<User> movers() {
  const auto rows_of = [](const Size& z) { return z.m; };
  return {
      {"gather_table", matrix,
       [](Scene& s, Value x, const Size& z) { return Values{s.b.gather(x, s.integers({7}, z.m))}; }},
      {"gather_table_last", three,
       [](Scene& s, Value x, const Size& z) { return Values{s.b.gather(x, s.integers({4}, z.k), 2)}; }},
      {"gather_places",
       [](const Size& z) {
         return Shape{z.b, z.n};
       },
       [](Scene& s, Value x, const Size& z) { return Values{s.b.gather(s.real(matrix(z)), x)}; }, DType::i32,
       rows_of},
      {"embed_into_linear",
       [](const Size& z) {
         return Shape{z.b, z.n};
       },
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.contract(s.b.gather(s.real(matrix(z)), x), s.real({z.k, z.n}), "bmk,kn->bmn")};
       },
       DType::i32, rows_of},
      {"take_along", matrix,
       [](Scene& s, Value x, const Size& z) {
         const Value places = apply_op(s, OpCode::flat_places, {x}, {{"axis", int64_t{0}}, {"extent", z.m}});
         return Values{s.b.gather(s.b.reshape(s.real(matrix(z)), {z.m * z.k}), places)};
       },
       DType::i32, rows_of},
      {"scatter_base", three,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.scatter_add(x, s.integers({4}, z.m), s.real({z.b, 4, z.k}), 1)};
       }},
      {"scatter_updates", matrix,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.scatter_add(s.real({5, z.k}), s.integers({z.m}, 5), x)};
       }},
      {"scatter_updates_last", matrix,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.scatter_add(s.real({z.m, 6}), s.integers({z.k}, 6), x, 1)};
       }},
      {"scatter_places", [](const Size& z) { return Shape{z.n}; },
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.scatter_add(s.real(matrix(z)), x, s.real({z.n, z.k}))};
       },
       DType::i32, rows_of},
      {"dynamic_slice", three,
       [](Scene& s, Value x, const Size& z) {
         const Values starts = {s.integers({}, 2), s.integers({}, 2), s.integers({}, 2)};
         return Values{s.b.dynamic_slice(x, starts, {z.b - 1, z.m - 1, z.k - 1})};
       }},
      {"dynamic_slice_start", [](const Size&) { return Shape{2}; },
       [](Scene& s, Value x, const Size& z) {
         const Values starts = {s.b.reshape(s.b.slice_axis(x, 0, 0, 1), {}),
                                s.b.reshape(s.b.slice_axis(x, 0, 1, 2), {})};
         return Values{s.b.dynamic_slice(s.real(matrix(z)), starts, {2, 2})};
       },
       DType::i32, rows_of},
      {"dynamic_update_base", matrix,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.dynamic_update(x, s.real({2, z.k}), {s.integers({}, z.m), s.integers({}, 1)})};
       }},
      {"dynamic_update_part", matrix,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.dynamic_update(s.real({z.m + 3, z.k}), x, {s.integers({}, 4), s.integers({}, 1)})};
       }},
      {"concat_first", matrix,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.concat({s.real({2, z.k}), x}, 0)};
       }},
      {"concat_last", matrix,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.concat({x, s.real({z.m, 3}), x}, 1)};
       }},
      {"cumsum_first", three, [](Scene& s, Value x, const Size&) { return Values{s.b.cumsum(x, 0)}; }},
      {"cumsum_middle", three, [](Scene& s, Value x, const Size&) { return Values{s.b.cumsum(x, 1, true)}; }},
      {"cumsum_last", three, [](Scene& s, Value x, const Size&) { return Values{s.b.cumsum(x, 2)}; }},
      alone("top_k", three, OpCode::top_k, {{"k", 2}}),
      alone("sort", three, OpCode::sort, {}),
      {"window_max", matrix,
       [](Scene& s, Value x, const Size&) { return Values{s.b.reduce_max(s.b.window(x, 1, 2), {2})}; }},
      {"fold",
       [](const Size& z) {
         return Shape{z.b, z.m, 3};
       },
       [](Scene& s, Value x, const Size& z) { return Values{s.b.fold(x, 1, 2 * z.m + 1, 2)}; }},
      {"transpose", three,
       [](Scene& s, Value x, const Size&) {
         return Values{s.b.transpose(x, {2, 0, 1})};
       }},
      {"slice", three,
       [](Scene& s, Value x, const Size&) {
         return Values{s.b.slice_axis(s.b.slice_axis(x, 1, 1, 3), 2, 0, 3, 2)};
       }},
      {"pad", three,
       [](Scene& s, Value x, const Size&) {
         return Values{s.b.pad(x, {1, 0, 0}, {0, 0, 2}, {0, 1, 0})};
       }},
  };
}

std::vector<User> others() {
  const auto image = [](const Size& z) { return Shape{z.b, 2, z.k}; };
  return {
      {"add", three,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.add(x, s.real({z.m, z.k}))};
       }},
      {"product_and_sum", three,
       [](Scene& s, Value x, const Size& z) {
         const Value y = s.real(three(z));
         return Values{s.b.mul(x, y), s.b.add(x, y)};
       }},
      alone("gelu", three, OpCode::gelu, {}),
      {"select", three,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.select(s.flags(three(z)), x, s.real(three(z)))};
       }},
      {"select_condition", three,
       [](Scene& s, Value x, const Size& z) {
         return Values{s.b.select(x, s.real(three(z)), s.real(three(z)))};
       },
       DType::boolean},
      {"check_finite", three,
       [](Scene& s, Value x, const Size&) { return Values{s.b.check_finite(x, "x")}; }},
      {"dropout", three,
       [](Scene& s, Value x, const Size&) {
         return Values{apply_op(s, OpCode::dropout, {x}, {{"rate", 0.25}, {"key", 11}})};
       }},
      {"convolution_image", image,
       [](Scene& s, Value x, const Size&) {
         return Values{
             apply_op(s, OpCode::convolution, {x, s.real({3, 2, 2})},
                      {{"stride", List{1}}, {"padding", List{1}}, {"dilation", List{1}}, {"groups", 1}})};
       }},
      {"convolution_filter",
       [](const Size& z) {
         return Shape{z.n, z.m, 3};
       },
       [](Scene& s, Value x, const Size& z) {
         return Values{
             apply_op(s, OpCode::convolution, {s.real({z.b, z.m, 7}), x},
                      {{"stride", List{2}}, {"padding", List{1}}, {"dilation", List{1}}, {"groups", 1}})};
       }},
      alone("max_pool", image, OpCode::max_pool, {{"size", List{3}}, {"stride", List{2}}}),
      alone("average_pool", image, OpCode::average_pool, {{"size", List{2}}, {"stride", List{1}}}),
      {"scan_steps", three,
       [](Scene& s, Value x, const Size& z) {
         const graph::TensorType each{DType::f32, {z.m, z.k}}, square{DType::f32, {z.k, z.k}};
         const auto& body = s.helper({each, each, square}, [](Builder& b, const Values& p) {
           const Value next = b.tanh(b.add(b.contract(p[0], p[2], "mk,kn->mn"), p[1]));
           return Values{next, next};
         });
         return s.b.scan(body, {s.real(each.shape), x, s.real(square.shape)}, 1, 1, z.b);
       }},
      {"scan_constant",
       [](const Size& z) {
         return Shape{z.k, z.k};
       },
       [](Scene& s, Value x, const Size& z) {
         const graph::TensorType carry{DType::f32, {z.m, z.k}}, square{DType::f32, {z.k, z.k}};
         const auto& body = s.helper({carry, square}, [](Builder& b, const Values& p) {
           return Values{b.tanh(b.contract(p[0], p[1], "mk,kn->mn"))};
         });
         return s.b.scan(body, {s.real(carry.shape), x}, 1, 1, 3);
       }},
  };
}

}  // namespace

const std::vector<User>& users() {
  static const std::vector<User> all = [] {
    std::vector<User> list;
    for (auto some : {contractions(), rows(), attentions(), movers(), others()})
      list.insert(list.end(), some.begin(), some.end());
    return list;
  }();
  return all;
}

}  // namespace sinter::test
