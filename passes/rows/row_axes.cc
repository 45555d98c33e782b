#include "passes/rows/row_axes.h"

#include <fmt/format.h>

#include "ir/error.h"
#include "passes/decompose/decompose.h"
#include "passes/differentiate/differentiate.h"
#include "passes/inline_calls/inline_calls.h"
#include "passes/rows/row_place.h"

namespace sinter::passes {
namespace {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

std::vector<RowPlace> output_places(const graph::Module& module, const Function& function,
                                    const std::vector<RowPlace>& parameters, int64_t rows);

RowPlace free_of(const graph::TensorType& type) {
  RowPlace place;
  for (const int64_t extent : type.shape) place.uniform.push_back(extent == 1);
  return place;
}

// One element of the leading axis, and a leading axis of these.
RowPlace one_of(RowPlace place, const Op& scan) {
  if (place.is_free()) {
    place.uniform.erase(place.uniform.begin());
    return place;
  }
  if (place.is_rows() && place.axis == 0) return RowPlace::mixed(scan);
  if (place.is_mixed()) return place;
  return RowPlace::of_axis(place.axis - 1, place.of_input);
}
RowPlace stacked(RowPlace place, const Op& scan) {
  const bool is_one = scan.attributes.integer("length") == 1;
  if (place.flat != 0) return RowPlace::mixed(scan);
  if (place.is_free()) place.uniform.insert(place.uniform.begin(), is_one);
  if (place.is_rows()) return RowPlace::of_axis(place.axis + 1, place.of_input);
  return place;
}

// What is carried is so placed that one turn leaves it there.
std::vector<RowPlace> scan_places(const graph::Module& module, const Op& scan,
                                  const std::vector<RowPlace>& operands, int64_t rows) {
  const Function& body = *module.find_function(scan.attributes.text("function"));
  const auto carries = static_cast<size_t>(scan.attributes.integer("carries"));
  const auto constants = static_cast<size_t>(scan.attributes.integer("constants"));
  std::vector<RowPlace> parameters = operands;
  for (RowPlace& place : parameters) {
    if (place.flat != 0) place = RowPlace::mixed(scan);
  }
  for (size_t i = carries; i < operands.size() - constants; ++i) parameters[i] = one_of(parameters[i], scan);
  for (;;) {
    std::vector<RowPlace> results = output_places(module, body, parameters, rows);
    bool is_settled = true;
    for (size_t i = 0; i < carries; ++i) {
      const RowPlace both = together(scan, {parameters[i], results[i]});
      is_settled = is_settled && both == parameters[i];
      results[i] = parameters[i] = both;
    }
    if (!is_settled) continue;
    for (size_t i = carries; i < results.size(); ++i) results[i] = stacked(results[i], scan);
    return results;
  }
}

std::vector<RowPlace> output_places(const graph::Module& module, const Function& function,
                                    const std::vector<RowPlace>& parameters, int64_t rows) {
  graph::ValueMap<RowPlace> places;
  size_t parameter = 0;
  for (const auto& op : function.ops()) {
    std::vector<RowPlace> operands;
    for (const Value operand : op->operands) operands.push_back(places.at(operand));
    std::vector<RowPlace> results;
    if (op->code == OpCode::parameter) {
      results = {parameters[parameter++]};
    } else if (op->code == OpCode::barrier) {
      results = operands;
    } else if (op->code == OpCode::scan) {
      results = scan_places(module, *op, operands, rows);
    } else if (!op->results.empty()) {
      results.assign(op->results.size(), row_place(*op, operands, rows));
    }
    for (size_t i = 0; i < results.size(); ++i) places[op->result(static_cast<int>(i))] = results[i];
  }
  std::vector<RowPlace> outputs;
  for (const graph::Output& output : function.outputs) outputs.push_back(places.at(output.value));
  return outputs;
}

}  // namespace

std::vector<RowAxis> row_axes(const graph::Module& module, std::string_view function,
                              const std::vector<bool>& of_rows, int64_t rows) {
  graph::Module plain = graph::clone(module);
  differentiate(plain);
  inline_calls(plain, {"all"});
  decompose(plain, {"flat_places"});
  const Function& of = *plain.find_function(function);
  const std::vector<Op*> parameters = of.parameters();
  std::vector<RowPlace> given;
  for (size_t i = 0; i < parameters.size(); ++i)
    given.push_back(of_rows[i] ? RowPlace::of_axis(0, true) : free_of(parameters[i]->results[0]));
  std::vector<RowAxis> result;
  for (const RowPlace& place : output_places(plain, of, given, rows)) {
    if (place.is_mixed()) {
      const Op& culprit = *place.culprit;
      result.push_back({{}, fmt::format("{}{}", graph::name(culprit.code), at(culprit.location))});
    } else if (place.flat != 0) {
      result.push_back({{}, "it holds places in the batch"});
    } else if (place.is_rows() && place.of_input) {
      result.push_back({place.axis, ""});
    } else {
      result.push_back({{}, "it depends on no row"});
    }
  }
  return result;
}

}  // namespace sinter::passes
