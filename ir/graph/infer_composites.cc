#include "ir/graph/builder.h"
#include "ir/graph/infer_rule.h"

namespace sinter::graph {
namespace {

void check_attention(const Rule& rule) {
  const bool has_values = rule.code == OpCode::attention;
  const size_t given = has_values ? 3 : 2;
  for (size_t i = 0; i < given; ++i) {
    if (rule.rank(i) == 4) continue;
    if (has_values) {
      rule.fail("takes q, k and v of [batch,heads,time,width], got {}, {} and {}", to_string(rule.type(0)),
                to_string(rule.type(1)), to_string(rule.type(2)));
    }
    rule.fail("takes q and k of [batch,heads,time,width], got {} and {}", to_string(rule.type(0)),
              to_string(rule.type(1)));
  }
  const Shape &q = rule.shape(0), &k = rule.shape(1);
  const bool fits = q[0] == k[0] && k[1] > 0 && q[1] % k[1] == 0 && q[3] == k[3];
  if (has_values) {
    const Shape& v = rule.shape(2);
    if (!fits || q[0] != v[0] || k[1] != v[1] || k[2] != v[2]) {
      rule.fail("q {}, k {} and v {} do not fit each other", to_string(rule.type(0)), to_string(rule.type(1)),
                to_string(rule.type(2)));
    }
  } else if (!fits) {
    rule.fail("q {} and k {} do not fit each other", to_string(rule.type(0)), to_string(rule.type(1)));
  }
  const bool drops = rule.attributes.has("rate"), has_salt = has_values && rule.attributes.flag("salt");
  const size_t named = given + rule.attributes.flag("lengths") + rule.attributes.flag("bias") +
                       rule.attributes.flag("mask") + has_salt;
  if (named != rule.operands.size()) {
    rule.fail("names {} operands by 'lengths', 'bias', 'mask' and 'salt', got {}", named,
              rule.operands.size());
  }
  if (drops != rule.attributes.has("key")) rule.fail("dropout takes both 'rate' and 'key'");
  if (has_salt && !drops) rule.fail("a salt is for dropout, which takes 'rate' and 'key'");
}

// What a composite takes is checked here, where a message can name it; its type is that of its decomposition.
void check_composite(const Rule& rule) {
  if (rule.code != OpCode::cross_entropy && rule.code != OpCode::flat_places) {
    rule.require(is_floating(rule.type(0).dtype), "a floating type", 0);
  }
  switch (rule.code) {
    case OpCode::softmax:
    case OpCode::log_softmax:
      rule.axis("axis", rule.rank(0));
      break;
    case OpCode::mean:
    case OpCode::variance:
      rule.sorted_axes();
      break;
    case OpCode::layer_norm:
    case OpCode::rms_norm:
      if (rule.rank(0) == 0) rule.fail("takes at least one axis, got {}", to_string(rule.type(0)));
      for (size_t i = 1; i < rule.operands.size(); ++i) {
        const TensorType expected{rule.type(0).dtype, {rule.shape(0).back()}};
        if (rule.type(i) != expected) {
          rule.fail("{} is {}, expected {} for {}", i == 1 ? "scale" : "bias", to_string(rule.type(i)),
                    to_string(expected), to_string(rule.type(0)));
        }
      }
      break;
    case OpCode::cross_entropy: {
      if (!is_floating(rule.type(0).dtype) || rule.rank(0) == 0) {
        rule.fail("takes floating logits [..., classes], got {}", to_string(rule.type(0)));
      }
      rule.require_index(1);
      const Shape positions(rule.shape(0).begin(), rule.shape(0).end() - 1);
      if (rule.shape(1) != positions) {
        rule.fail("labels {} do not fit logits {}", to_string(rule.type(1)), to_string(rule.type(0)));
      }
      const TensorType weights{rule.type(0).dtype, {rule.shape(0).back()}};
      if (rule.operands.size() > 2 && rule.type(2) != weights) {
        rule.fail("class weights are {}, expected {}", to_string(rule.type(2)), to_string(weights));
      }
      break;
    }
    case OpCode::binary_cross_entropy:
      if (rule.type(1) != rule.type(0)) {
        rule.fail("targets are {}, expected {} as the logits", to_string(rule.type(1)),
                  to_string(rule.type(0)));
      }
      break;
    case OpCode::flat_places:
      rule.require_index(0);
      rule.axis("axis", rule.rank(0));
      break;
    case OpCode::attention:
    case OpCode::attention_weights:
      check_attention(rule);
      break;
    default:
      break;
  }
}

}  // namespace

Types infer_composite(const Rule& rule) {
  check_composite(rule);
  Module scratch;
  Function& function = scratch.add_function("scratch");
  Builder builder(scratch, function);
  std::vector<Value> parameters;
  for (Value operand : rule.operands) {
    parameters.push_back(builder.parameter(fmt::format("p{}", parameters.size()), operand.type()));
  }
  Types types;
  try {
    for (Value result : decompose(builder, rule.code, parameters, rule.attributes))
      types.push_back(result.type());
  } catch (const GraphError& error) {
    // In the name of the composite, not of the op in it.
    const std::string_view message = error.what();
    rule.fail("{}", message.substr(std::min(message.find(": ") + 2, message.size())));
  }
  return types;
}

}  // namespace sinter::graph
