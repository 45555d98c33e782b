#include "runtime/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

namespace sinter::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::string safetensors(std::string_view header, std::string_view data = "") {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)).append(header).append(data);
}

class Safetensors : public testing::Test {
 protected:
  SafetensorsFile read(std::string_view bytes) { return read_safetensors(folder_.write("a", bytes)); }

  // What is wrong with a file, without its path.
  std::string error(std::string_view bytes) {
    const std::string prefix = folder_.path("a") + ": damaged safetensors file: ";
    const std::string text = message_of([&] { read(bytes); });
    EXPECT_TRUE(text.starts_with(prefix)) << text;
    return text.substr(std::min(prefix.size(), text.size()));
  }

  std::string write_error(const SafetensorsFile& file) {
    const std::string prefix = "cannot write " + folder_.path("b") + ": ";
    const std::string text = message_of([&] { write_safetensors(folder_.path("b"), file); });
    EXPECT_TRUE(text.starts_with(prefix)) << text;
    return text.substr(std::min(prefix.size(), text.size()));
  }

  ScratchFolder folder_;
};

// The bytes that safetensors.numpy.save makes of
// {'w': f32[[1.5, -2]], 'n': i64(7), 'm': bool[True, False]}, {'epoch': '3'}.
const std::string& reference_bytes() {
  static const std::string bytes =
      safetensors(R"({"__metadata__":{"epoch":"3"},"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                  R"("w":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},)"
                  R"("m":{"dtype":"BOOL","shape":[2],"data_offsets":[16,18]}}      )",
                  std::string("\007\000\000\000\000\000\000\000\000\000\300?\000\000\000\300\001\000", 18));
  return bytes;
}

TEST_F(Safetensors, WritesTheBytesOfTheReference) {
  SafetensorsFile file;
  file.metadata["epoch"] = "3";
  file.tensors["w"] = HostTensor::from<float>(std::array{1.5f, -2.f}, {1, 2});
  file.tensors["n"] = HostTensor::scalar<int64_t>(7);
  file.tensors["m"] = HostTensor::from<bool>(std::array{true, false}, {2});
  write_safetensors(folder_.path("b"), file);
  EXPECT_EQ(read_file(folder_.path("b")), reference_bytes());
}

TEST_F(Safetensors, ReadsTheBytesOfTheReference) {
  const SafetensorsFile file = read(reference_bytes());
  EXPECT_THAT(file.metadata, ElementsAre(Pair("epoch", "3")));
  ASSERT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.tensors.at("w").shape(), (Shape{1, 2}));
  EXPECT_THAT(file.tensors.at("w").values<float>(), ElementsAre(1.5f, -2.f));
  EXPECT_EQ(file.tensors.at("n").shape(), Shape{});
  EXPECT_THAT(file.tensors.at("n").values<int64_t>(), ElementsAre(7));
  EXPECT_THAT(file.tensors.at("m").values<bool>(), ElementsAre(true, false));
}

TEST_F(Safetensors, ReadsBackEveryType) {
  SafetensorsFile file;
  file.metadata["text"] = "quotes \" and \xc3\xa9\n";
  for (DType type :
       {DType::f16, DType::bf16, DType::f32, DType::f64, DType::i32, DType::i64, DType::boolean}) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{5}, Shape{2, 3}}) {
      HostTensor tensor(type, shape);
      std::memset(tensor.raw(), 1, tensor.bytes());
      file.tensors[to_string(type, shape)] = tensor;
    }
  }
  write_safetensors(folder_.path("b"), file);
  const SafetensorsFile result = read_safetensors(folder_.path("b"));
  EXPECT_EQ(result.metadata, file.metadata);
  ASSERT_EQ(result.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : result.tensors) {
    const HostTensor& expected = file.tensors.at(name);
    EXPECT_EQ(to_string(tensor.dtype(), tensor.shape()), name);
    EXPECT_EQ(std::memcmp(tensor.raw(), expected.raw(), expected.bytes()), 0) << name;
  }
}

TEST_F(Safetensors, MayLieByLines) {
  SafetensorsFile file;
  const std::map<std::string, Shape> shapes = {
      {"a", {3}}, {"b", {16, 2}}, {"c", {6}}, {"d", {64}}, {"e", {0}}};
  for (const auto& [name, shape] : shapes) {
    file.tensors.emplace(name, HostTensor(DType::f32, shape));
    for (int64_t i = 0; i < file.tensors.at(name).size(); ++i)
      file.tensors.at(name).data<float>()[i] = static_cast<float>(i) + 0.5f;
  }
  file.tensors.emplace("f", HostTensor::scalar(int64_t{7}));
  file.tensors.emplace("g", HostTensor(DType::boolean, {3}));
  write_safetensors(folder_.path("b"), file, SafetensorsOrder::by_line);
  const SafetensorsLayout layout = safetensors_layout(ReadableFile(folder_.path("b")));
  for (const auto& [name, multiple] : std::map<std::string, uint64_t>{
           {"a", 4}, {"b", 64}, {"c", 8}, {"d", 64}, {"e", 64}, {"f", 8}, {"g", 1}})
    EXPECT_EQ(layout.entries.at(name).begin % multiple, 0u) << name;
  const SafetensorsFile read = read_safetensors(folder_.path("b"));
  for (const auto& [name, tensor] : file.tensors)
    EXPECT_EQ(std::memcmp(read.tensors.at(name).raw(), tensor.raw(), tensor.bytes()), 0) << name;
}

TEST_F(Safetensors, MayBeEmpty) {
  write_safetensors(folder_.path("b"), {});
  EXPECT_EQ(read_file(folder_.path("b")), safetensors("{}      "));
  EXPECT_THAT(read_safetensors(folder_.path("b")).tensors, IsEmpty());
}

TEST_F(Safetensors, SaysWhatIsWrongWithTheHeader) {
  EXPECT_EQ(error("1234567"), "7 bytes hold no header length");
  EXPECT_EQ(error(std::string(8, '\xff')), "a header of 18446744073709551615 bytes is too long");
  EXPECT_EQ(error(safetensors("{}    ").substr(0, 10)), "the header should have 6 bytes, 2 follow");
  EXPECT_EQ(error(safetensors("")), "the header is not JSON (byte 1)");
  EXPECT_EQ(error(safetensors("{\"a\"")), "the header is not JSON (byte 5)");
  EXPECT_EQ(error(safetensors("{\"\xff\":1}")), "the header is not JSON (byte 3)");
  EXPECT_EQ(error(safetensors("{\"a\":7e777}")), "the header has a number that no type holds");
  EXPECT_EQ(error(safetensors("[]")), "the header is not a JSON object");
  EXPECT_EQ(error(safetensors(R"({"a":{},"a":{}})")), "the header has the key 'a' twice");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","dtype":"F32"}})")),
            "the header has the key 'dtype' twice");
  EXPECT_EQ(error(safetensors(R"({"__metadata__":[]})")), "__metadata__ is not an object");
  EXPECT_EQ(error(safetensors(R"({"__metadata__":{"epoch":3}})")), "__metadata__ 'epoch' is not a string");
}

TEST_F(Safetensors, SaysWhatIsWrongWithATensor) {
  const std::string eight = "12345678";
  EXPECT_EQ(error(safetensors(R"({"a":1})")), "tensor 'a' is not an object");
  EXPECT_EQ(error(safetensors(R"({"a":{}})")), "tensor 'a' has no dtype");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":32}})")), "tensor 'a' has no dtype");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32"}})")), "tensor 'a' has no shape");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[-1]}})")),
            "tensor 'a': shape is not an array of whole numbers");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[1.5]}})")),
            "tensor 'a': shape is not an array of whole numbers");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296]}})")),
            "tensor 'a': the shape is too large");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[0,18446744073709551615]}})")),
            "tensor 'a': the shape is too large");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[2]}})", eight)),
            "tensor 'a' has no data_offsets");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", eight)),
            "tensor 'a': data_offsets is not a pair");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", eight)),
            "tensor 'a': offsets 8 to 0 are outside the data of 8 bytes");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", eight)),
            "tensor 'a': offsets 4 to 12 are outside the data of 8 bytes");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", eight)),
            "tensor 'a': f32[3] needs 12 bytes, its offsets 0 to 8 give 8");
}

TEST_F(Safetensors, EveryByteBelongsToOneTensor) {
  const std::string eight = "12345678";
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                              R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                              eight)),
            "tensors 'a' and 'b' overlap");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight)),
            "bytes 0 to 4 belong to no tensor");
  EXPECT_EQ(error(safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", eight)),
            "bytes 4 to 8 belong to no tensor");
  EXPECT_EQ(error(safetensors("{}", "x")), "bytes 0 to 1 belong to no tensor");
}

TEST_F(Safetensors, EveryTruncationIsAnError) {
  for (size_t size = 0; size < reference_bytes().size(); ++size) {
    EXPECT_NE(error(reference_bytes().substr(0, size)), "") << size;
  }
}

TEST_F(Safetensors, RefusesOtherTypes) {
  EXPECT_EQ(
      message_of([&] { read(safetensors(R"({"a":{"dtype":"F4","shape":[0],"data_offsets":[0,0]}})")); }),
      folder_.path("a") + ": tensor 'a': type F4 is not supported");
}

TEST_F(Safetensors, HoldsNarrowIntegersInWiderOnes) {
  const SafetensorsFile file = read(safetensors(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                                R"("b":{"dtype":"U32","shape":[],"data_offsets":[2,6]}})",
                                                "\x01\xff\xff\xff\xff\xff"));
  EXPECT_THAT(file.tensors.at("a").values<int32_t>(), ElementsAre(1, 255));
  EXPECT_THAT(file.tensors.at("b").values<int64_t>(), ElementsAre(4294967295));
}

TEST_F(Safetensors, SaysWhyItCannotWrite) {
  EXPECT_EQ(write_error({{}, {{"w", HostTensor()}}}), "tensor 'w' is undefined");
  EXPECT_EQ(write_error({{}, {{"__metadata__", HostTensor::scalar(1.f)}}}),
            "a tensor may not be named __metadata__");
  EXPECT_EQ(write_error({{{"a", "\xff"}}, {}}), "a name or text is not UTF-8");
  EXPECT_EQ(folder_.file_count(), 0u);
}

}  // namespace
}  // namespace sinter::runtime
