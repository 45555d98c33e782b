#include "passes/schedule/attention/core.h"

#include "ir/error.h"

namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;
using loop::Expr;

namespace {

const Op* find_core(const graph::Function& body, graph::Anchor anchor) {
  for (const auto& op : body.ops()) {
    if (is_kernel(*op, anchor)) return op.get();
  }
  throw InternalError("a kernel of attention without its core");
}

// The extent of the letters of an operand of a contraction.
Shape shape_of(const std::string& wanted, const std::string& letters, const Shape& shape) {
  Shape result;
  for (char letter : wanted) result.push_back(shape[letters.find(letter)]);
  return result;
}

}  // namespace

AttentionCore::AttentionCore(Template& t, graph::Anchor anchor)
    : t_(t),
      core_(find_core(t.body, anchor)),
      flat_("flat"),
      map_([&] {
        graph::ValueMap<Value> outer, inner;
        for (const auto& op : t.body.ops()) {
          if (op.get() != core_) graph::clone_op(*op, flat_, outer);
          if (op.get() == core_) break;
        }
        size_t next = 0;
        for (const auto& op : core_->body->ops()) {
          if (op->code == OpCode::parameter) {
            inner[op->result()] = outer.at(core_->operands[next++]);
          } else {
            graph::clone_op(*op, flat_, inner);
          }
        }
        return inner;
      }()),
      parts_(AttentionBody::of(*core_)),
      loader_(flat_, t.inputs),
      type_(loop::from_graph(parts_.dtype())) {
  if (parts_.query) queries_ = parts_.domain[*parts_.query];
  keys_ = parts_.domain[parts_.key];
  width_ = parts_.width();
  values_ = parts_.values();
}

loop::BufferRef AttentionCore::output(size_t result) const {
  for (size_t i = 0; i < t_.body.outputs.size(); ++i) {
    const Value value = t_.body.outputs[i].value;
    if (value.op == core_ && value.index == static_cast<int>(result)) return t_.outputs[i];
  }
  return nullptr;
}

Index AttentionCore::at(const Index& outer, const Expr& query, const Expr& key) const {
  Index index = outer;
  if (parts_.query) index[*parts_.query] = query;
  index[parts_.key] = key;
  return index;
}

Index AttentionCore::without_key(const Index& at) const {
  Index index = at;
  index.erase(index.begin() + static_cast<std::ptrdiff_t>(parts_.key));
  return index;
}

Index AttentionCore::index_of(const std::string& letters, const AttentionBody::Letters& known,
                              const std::string& inner, const Shape& shape, const Expr& place) {
  const Index parts = delinearize(place, shape_of(inner, letters, shape), loader_.ranges());
  Index index;
  for (char letter : letters) {
    const size_t i = inner.find(letter);
    index.push_back(i != std::string::npos ? parts[i] : known.at(letter));
  }
  return index;
}

Index AttentionCore::query_index(const Index& outer, const Expr& query, const Expr& w) {
  const auto letters = parts_.score_letters(at(outer, query, loop::integer(0)), loader_.ranges());
  const ContractDims dims = ContractDims::parse(parts_.scores->attributes.text("dims"));
  return index_of(dims.lhs, letters, parts_.width_letters(), parts_.q.shape(), w);
}

Index AttentionCore::key_index(const Index& outer, const Expr& key, const Expr& w) {
  const auto letters = parts_.score_letters(at(outer, loop::integer(0), key), loader_.ranges());
  const ContractDims dims = ContractDims::parse(parts_.scores->attributes.text("dims"));
  return index_of(dims.rhs, letters, parts_.width_letters(), parts_.k.shape(), w);
}

Index AttentionCore::value_index(const Index& outer, const Expr& key, const Expr& u) {
  const auto letters = parts_.product_letters(at(outer, loop::integer(0), key), loader_.ranges());
  const ContractDims dims = ContractDims::parse(parts_.product->attributes.text("dims"));
  return index_of(dims.rhs, letters, parts_.value_letters(), parts_.v.shape(), u);
}

Index AttentionCore::result_index(const Index& outer, const Expr& query, const Expr& u) {
  const auto letters = parts_.product_letters(at(outer, query, loop::integer(0)), loader_.ranges());
  const ContractDims dims = ContractDims::parse(parts_.product->attributes.text("dims"));
  return index_of(dims.result, letters, parts_.value_letters(), parts_.product->results[0].shape, u);
}

Expr AttentionCore::element(Value value, const Index& index, const Expr& predicate) {
  return loader_.at(flat(value), index, predicate);
}

Index AttentionCore::scores_index(const Index& at) {
  return *trace(parts_.masked(), at, scores(), loader_.ranges());
}

}  // namespace sinter::passes
