# The two stages of a webhook attempt; included by this folder's CMakeLists.txt.
room(consumer_webhook
     SOURCES webhook_request.c webhook_verdict.c
     USES common_base common_incident consumer_core consumer_stages)
