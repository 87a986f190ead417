DROP TABLE notification_choices;
DROP TABLE notification_settings;
DROP TABLE notification_jobs;
DROP TABLE notifications;
DROP TABLE schedules;
DROP TABLE jobs;
DROP TABLE event_topics;
DROP TABLE events;
