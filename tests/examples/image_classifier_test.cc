#include <gmock/gmock.h>
#include <sinter/sinter.h>

#include <algorithm>

#include "examples/image_classifier/images.h"
#include "tests/support/message_of.h"
#include "tests/tools/program.h"

namespace image_classifier {
namespace {

using sinter::Array;
using sinter::message_of;
using sinter::ProgramResult;
using testing::HasSubstr;

class ImageClassifierProgram : public sinter::ProgramTest {
 protected:
  // Bars: of class 0 they lie, of class 1 they stand.
  void write_bars(int64_t count) const {
    Array images(sinter::i32, {count, 8, 8}), labels(sinter::i32, {count});
    for (int64_t i = 0; i < count; ++i) {
      const int64_t label = i % 2, place = 1 + i / 2 % 6;
      labels.data<int32_t>()[i] = static_cast<int32_t>(label);
      for (int64_t j = 0; j < 8; ++j) {
        const int64_t at = label == 0 ? place * 8 + j : j * 8 + place;
        images.data<int32_t>()[i * 64 + at] = 16;
      }
    }
    sinter::save_npy(path("images.npy"), images);
    sinter::save_npy(path("labels.npy"), labels);
  }
};

TEST_F(ImageClassifierProgram, TellsBarsApart) {
  write_bars(120);
  const ProgramResult result =
      run("image_classifier",
          "--images images.npy --labels labels.npy --held-out 24 --epochs 60 --save weights.safetensors");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("96 images to learn from, 24 to measure on"));
  EXPECT_THAT(result.out, HasSubstr("held out 1.0000"));
  EXPECT_TRUE(sinter::load_safetensors(path("weights.safetensors")).arrays.contains("scores.weight"));
}

TEST_F(ImageClassifierProgram, SaysWhatIsWrong) {
  write_bars(12);
  sinter::save_npy(path("other.npy"), Array(sinter::i32, {7}));
  sinter::save_npy(path("negative.npy"), Array::from<float>({-1, 0, 1, 2}, {1, 2, 2}));
  const auto message = [&](const std::string& images, const std::string& labels) {
    return message_of([&] { read_images(path(images), path(labels)); });
  };
  EXPECT_THAT(message("images.npy", "other.npy"), HasSubstr("images.npy has 12 images, "));
  EXPECT_THAT(
      message("labels.npy", "labels.npy"),
      HasSubstr("labels.npy: images are [rows,height,width] or [rows,channels,height,width], got i32[12]"));
  EXPECT_THAT(message("negative.npy", "labels.npy"),
              HasSubstr("negative.npy: pixels are numbers from 0 on, got -1"));
  EXPECT_THAT(message("images.npy", "negative.npy"),
              HasSubstr("a label is a whole number from 0 on, got -1"));
  const ProgramResult result =
      run("image_classifier", "--images images.npy --labels labels.npy --held-out 12");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "image_classifier: --held-out 12 leaves nothing of 12 images\n");
  const ProgramResult negative = run("image_classifier", "--images images.npy --labels labels.npy --seed -1");
  EXPECT_NE(negative.status, 0);
  EXPECT_THAT(negative.err,
              HasSubstr("--seed: expected a whole number from 0 to 18446744073709551615, got '-1'"));
}

// What is done to an image keeps most of a blot in the middle, and differs from seed to seed.
TEST(Images, AreDistortedALittle) {
  const auto blot = [] {
    Array image(sinter::f32, {1, 1, 16, 16});
    for (int64_t i = 6; i < 10; ++i) std::fill_n(image.data<float>() + i * 16 + 6, 4, 1.f);
    return image;
  };
  Array first = blot(), again = blot(), other = blot();
  distort(first, 1);
  distort(again, 1);
  distort(other, 2);
  EXPECT_TRUE(std::ranges::equal(first.values<float>(), again.values<float>()));
  EXPECT_FALSE(std::ranges::equal(first.values<float>(), other.values<float>()));
  EXPECT_FALSE(std::ranges::equal(first.values<float>(), blot().values<float>()));
  float sum = 0;
  for (float pixel : first.values<float>()) sum += pixel;
  EXPECT_NEAR(sum, 16, 5);
}

}  // namespace
}  // namespace image_classifier
