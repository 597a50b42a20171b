# Both towers against the goldens. Pictures and sounds are prepared by media/prepare, which needs no FFmpeg; without media
# in the build there is nothing to feed them with.
if(TARGET facet::media_prepare)
    facet_test(vision_tower_test LABELS golden
        SOURCES vision_golden_test.cpp vision_tower_test.cpp
        LIBRARIES facet::engine_model facet_engine_internal facet_test_goldens)
    facet_test(audio_tower_test LABELS golden
        SOURCES audio_golden_test.cpp audio_tower_test.cpp
        LIBRARIES facet::engine_model facet_engine_internal facet_test_goldens)
endif()
