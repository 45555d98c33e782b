#include "tests/fuzz/programs/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "ir/graph/builder.h"

namespace sinter::fuzz {
namespace {

using graph::Builder;
using graph::DType;
using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;

constexpr int kDetours = 13;

// The same value by another way.
Value detour(Builder& b, Draw& draw, Value x) {
  const bool numeric = is_numeric(x.dtype());
  const auto axis = [&] { return draw.below(x.rank()); };
  switch (draw.below(kDetours)) {
    case 0: {  // transposed and back
      std::vector<int64_t> there(x.shape().size()), back(there.size());
      std::iota(there.begin(), there.end(), 0);
      draw.shuffle(there);
      for (size_t i = 0; i < there.size(); ++i) back[static_cast<size_t>(there[i])] = static_cast<int64_t>(i);
      return b.transpose(b.transpose(x, there), back);
    }
    case 1: {  // split and joined
      if (x.rank() == 0) return x;
      const int64_t along = axis(), extent = x.shape()[static_cast<size_t>(along)];
      const int64_t cut = draw.between(0, extent);
      const Value head = b.slice_axis(x, along, 0, cut);
      const Value tail = b.slice_axis(x, along, cut, extent);
      return b.concat({head, tail}, along);
    }
    case 2:  // flat and back
      return b.reshape(b.reshape(x, {x.type().elements()}), x.shape());
    case 3: {
      if (x.rank() == 0) return x;
      const int64_t along = axis();
      return b.reverse(b.reverse(x, {along}), {along});
    }
    case 4: {
      if (!numeric) return x;
      const Value zero = draw.one_in(2) ? b.constant_like(0, x) : b.scalar_like(0, x);
      return b.add(x, zero);
    }
    case 5:
      return numeric ? b.mul(b.scalar_like(1, x), x) : b.logical_not(b.logical_not(x));
    case 6: {  // padded and cut
      std::vector<int64_t> low, high, limit;
      for (const int64_t extent : x.shape()) {
        low.push_back(draw.below(2));
        high.push_back(draw.below(2));
        limit.push_back(low.back() + extent);
      }
      return b.slice(b.pad(x, low, high, {}, 1), low, limit);
    }
    case 7:
      return b.barrier({x})[0];
    case 8:
      if (x.dtype() == DType::f32) return b.cast(b.cast(x, DType::f64), DType::f32);
      if (x.dtype() == DType::i32) return b.cast(b.cast(x, DType::i64), DType::i32);
      return x;
    case 9: {  // in range of itself
      if (x.rank() == 0) return x;
      const int64_t along = axis(), extent = x.shape()[static_cast<size_t>(along)];
      return b.gather(x, b.iota({DType::i32, {extent}}, 0), along);
    }
    case 10: {  // one of two equal ones
      Shape wide = x.shape();
      const int64_t place = draw.between(0, x.rank());
      wide.insert(wide.begin() + place, 2);
      std::vector<int64_t> dims(x.shape().size());
      for (size_t i = 0; i < dims.size(); ++i)
        dims[i] = static_cast<int64_t>(i) + (static_cast<int64_t>(i) >= place);
      const Value both = b.broadcast(x, wide, dims);
      return b.reshape(b.slice_axis(both, place, 1, 2), x.shape());
    }
    case 11: {
      const Value flags = b.constant_int(1, DType::boolean, x.shape());
      return b.select(flags, x, b.constant_like(0, x));
    }
    default:  // the product with a row of one
      if (!numeric || x.rank() > 10) return x;
      {
        std::string letters;
        for (int64_t i = 0; i < x.rank(); ++i) letters += static_cast<char>('a' + i);
        const Value one = b.constant(1, x.dtype(), {1});
        return b.contract(b.reshape(x,
                                    [&] {
                                      Shape shape = x.shape();
                                      shape.push_back(1);
                                      return shape;
                                    }()),
                          one, letters + "z,z->" + letters);
      }
  }
}

bool may_exchange(OpCode code) {
  switch (code) {
    case OpCode::add:
    case OpCode::mul:
    case OpCode::max:
    case OpCode::min:
    case OpCode::equal:
    case OpCode::not_equal:
    case OpCode::logical_and:
    case OpCode::logical_or:
    case OpCode::logical_xor:
    case OpCode::contract:
      return true;
    default:
      return false;
  }
}

void exchange_operands(Op& op) {
  std::swap(op.operands[0], op.operands[1]);
  if (op.code != OpCode::contract) return;
  const auto dims = graph::ContractDims::parse(op.attributes.text("dims"));
  op.attributes.set("dims", graph::ContractDims{dims.rhs, dims.lhs, dims.result}.text());
}

// A copy of a function, with detours.
std::unique_ptr<Function> with_detours(Module& module, const Function& function, Draw& draw, int64_t one_in) {
  auto made = std::make_unique<Function>(function.name());
  Builder b(module, *made);
  graph::ValueMap<Value> map;
  for (const auto& op : function.ops()) {
    graph::ValueMap<Value> seen = map;
    for (size_t i = 0; i < op->operands.size(); ++i) {
      if (op->code == OpCode::grad && i > 0) break;  // with respect to the values themselves
      if (draw.one_in(one_in)) seen[op->operands[i]] = detour(b, draw, map.at(op->operands[i]));
    }
    Op& copy = graph::clone_op(*op, *made, seen);
    for (size_t i = 0; i < op->results.size(); ++i)
      map[op->result(static_cast<int>(i))] = copy.result(static_cast<int>(i));
    if (may_exchange(copy.code) && draw.one_in(2)) exchange_operands(copy);
  }
  for (const graph::Output& output : function.outputs)
    made->outputs.push_back({output.name, map.at(output.value)});
  return made;
}

bool may_move(const Op& op) {
  return op.code != OpCode::parameter && op.code != OpCode::read && op.code != OpCode::write &&
         op.code != OpCode::grad;
}

// Makes a run of ops a function of its own. Its name must be new.
void outline(Module& module, size_t index, Draw& draw, const std::string& name) {
  Function& function = *module.functions[index];
  const auto count = static_cast<int64_t>(function.ops().size());
  if (count == 0) return;
  const int64_t first = draw.below(count);
  int64_t last = first;
  const int64_t most = draw.between(1, 8);
  const auto op_at = [&](int64_t i) -> Op& { return *function.ops()[static_cast<size_t>(i)]; };
  while (last < count && last - first < most && may_move(op_at(last))) ++last;
  if (last == first) return;

  const auto place_of = [&](const Op* op) {
    for (int64_t i = 0; i < count; ++i) {
      if (&op_at(i) == op) return i;
    }
    return count;
  };
  std::vector<Value> operands, results;
  const auto add = [](std::vector<Value>& to, Value value) {
    if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
  };
  const auto inside = [&](Value value) {
    const int64_t place = place_of(value.op);
    return place >= first && place < last;
  };
  for (int64_t i = last; i < count; ++i) {
    const std::vector<Value>& of = op_at(i).operands;
    // A gradient for a value inside is not one for the result that the value becomes.
    if (op_at(i).code == OpCode::grad && std::any_of(of.begin() + 1, of.end(), inside)) return;
  }
  for (int64_t i = first; i < count; ++i) {
    for (const Value operand : op_at(i).operands) {
      if (i < last && !inside(operand)) add(operands, operand);
      if (i >= last && inside(operand)) add(results, operand);
    }
  }
  for (const graph::Output& output : function.outputs) {
    if (inside(output.value)) add(results, output.value);
  }

  Function& part = module.add_function(name);
  Builder inner(module, part);
  graph::ValueMap<Value> map;
  for (const Value operand : operands)
    map[operand] = inner.parameter(fmt::format("x{}", map.size()), operand.type());
  for (int64_t i = first; i < last; ++i) graph::clone_op(op_at(i), part, map);
  for (const Value result : results) inner.output(fmt::format("r{}", part.outputs.size()), map.at(result));

  auto made = std::make_unique<Function>(module.functions[index]->name());
  Builder b(module, *made);
  graph::ValueMap<Value> outer;
  for (int64_t i = 0; i < count; ++i) {
    if (i == first) {
      std::vector<Value> given;
      for (const Value operand : operands) given.push_back(outer.at(operand));
      graph::Attributes attributes;
      if (!draw.one_in(3)) attributes.set("checkpoint", true);
      const std::vector<Value> got = b.call(part, given, attributes);
      for (size_t k = 0; k < results.size(); ++k) outer[results[k]] = got[k];
    }
    if (i < first || i >= last) graph::clone_op(op_at(i), *made, outer);
  }
  for (const graph::Output& output : module.functions[index]->outputs)
    made->outputs.push_back({output.name, outer.at(output.value)});
  module.functions[index] = std::move(made);
}

}  // namespace

Module rewritten(const Module& module, Draw& draw) {
  Module result = graph::clone(module);
  const int64_t one_in = draw.of<int64_t>({4, 8, 16});
  const size_t count = result.functions.size();
  for (size_t i = 0; i < count; ++i)
    result.functions[i] = with_detours(result, *result.functions[i], draw, one_in);
  for (size_t i = 0; i < count; ++i) {
    if (draw.one_in(2)) outline(result, i, draw, fmt::format("part{}", i));
  }
  return result;
}

}  // namespace sinter::fuzz
